// Applies of many objects (apply_act.h), one after the other. As long as one is under way, whatever else people ask waits in
// line for some moments and is answered later; what stops something does not wait, and reads come nowhere near.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "controller/core/apply_act.h"
#include "controller/core/operator_request.h"
#include "controller/core/work.h"

namespace metalmesh::controller {

class ApplyDesk {
 public:
  static constexpr char token[] = "controller/apply";  // of the timer that carries on
  static constexpr std::uint64_t first_number = std::uint64_t{1}
                                                << 62U;  // of its answers; others count from 1
  static constexpr std::size_t most_waiting = 256;

  /// What an earlier life decided is carried out before anything else.
  void started(Work& work);
  [[nodiscard]] bool is_busy() const { return act_ != nullptr || !line_.empty(); }
  /// This one has to wait.
  [[nodiscard]] bool holds(const OperatorRequest& request) const;
  /// Its number; nothing: too many wait.
  std::optional<std::uint64_t> enqueue(Work& work, OperatorRequest request);

  struct Done {
    std::uint64_t number = 0;  // 0: nobody waits for it any more
    OperatorRequest request;
    std::shared_ptr<const ApplyReport> report;
    std::string audit;
  };
  /// The next `objects` of what is under way; what is done by that.
  std::optional<Done> go_on(Work& work, std::size_t objects);
  struct Waiting {
    std::uint64_t number = 0;
    OperatorRequest request;
  };
  /// The first in line when it is its turn and it is none of ours.
  std::optional<Waiting> next();
  /// Again, soon, if there is anything left.
  void carry_on(Work& work) const;

 private:
  std::unique_ptr<ApplyAct> act_;
  Waiting of_act_;
  std::deque<Waiting> line_;
  std::uint64_t last_ = first_number;
};

}  // namespace metalmesh::controller
