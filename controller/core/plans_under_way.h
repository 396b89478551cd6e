// Requests that need a plan (plan_acts.h) and take more than one turn: they are carried on some servers at a time, one after
// the other, whenever others had their turn. A restart forgets them, as any request that was not answered; what a start
// had begun by then is taken back (rollout_start.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <variant>

#include "controller/core/operator_request.h"
#include "controller/core/plan_acts.h"
#include "controller/core/work.h"

namespace metalmesh::controller {

class PlansUnderWay {
 public:
  static constexpr char token[] = "controller/plan";  // of the timer that carries them on

  /// Once after the start of the controller.
  static void started(Work& work);
  /// Its result when it is carried out or refused at once, else the number it is answered by. The same again waits for the
  /// same answer.
  std::variant<std::uint64_t, ActResult> begin(Work& work, const OperatorRequest& request, PlanAct::Body body,
                                               std::size_t servers);
  struct Done {
    std::uint64_t number = 0;
    OperatorRequest request;
    ActResult result;
  };
  /// When the timer fires. What is done by now.
  std::optional<Done> go_on(Work& work, std::size_t servers);

 private:
  struct UnderWay {
    OperatorRequest request;
    std::unique_ptr<PlanAct> act;
  };
  /// A rollout that is starting, and nobody carries it on.
  [[nodiscard]] std::optional<std::string> left_starting(const Work& work) const;

  std::map<std::uint64_t, UnderWay> under_way_;  // by number; the first goes on
  std::uint64_t last_ = 0;
};

}  // namespace metalmesh::controller
