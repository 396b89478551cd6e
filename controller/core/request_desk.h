// What people ask: decided once and told in the audit log, whether it was granted or refused. Whoever repeats a request
// by its key is answered and the act is not done again (request_digest.h). What needs a plan, or is many objects, may take
// several turns; its answer comes later (plans_under_way.h, apply_desk.h).
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "controller/core/apply_desk.h"
#include "controller/core/controller_core.h"
#include "controller/core/object_apply.h"
#include "controller/core/operator_request.h"
#include "controller/core/plans_under_way.h"
#include "controller/core/work.h"

namespace metalmesh::controller {

class RequestDesk {
 public:
  /// `limits` must outlive the desk.
  explicit RequestDesk(const ControllerLimits& limits) : limits_(limits) {}

  /// Its answer, or the number it is answered by later. What follows from it is settled (settle.h).
  OperatorResult decide(Work& work, const OperatorRequest& request);
  /// After the start of the controller.
  void started(Work& work);
  /// Timer PlansUnderWay::token.
  void go_on(Work& work);
  /// Timer ApplyDesk::token.
  void go_on_applying(Work& work);
  /// As ControllerCore::take_answers.
  std::vector<std::pair<std::uint64_t, OperatorResult>> take_answers() { return std::exchange(answers_, {}); }

  /// A person was granted something, and sites are not told yet that the ledger has it.
  [[nodiscard]] bool owes_word() const { return owes_word_; }
  void word_sent() { owes_word_ = false; }

 private:
  OperatorResult decide_now(Work& work, const OperatorRequest& request);
  OperatorResult begin(Work& work, const OperatorRequest& request, PlanAct::Body body);
  OperatorResult conclude(Work& work, const OperatorRequest& request, const ActResult& result);

  const ControllerLimits& limits_;
  PlansUnderWay plans_;
  ApplyDesk applies_;
  std::vector<std::pair<std::uint64_t, OperatorResult>> answers_;
  bool owes_word_ = false;
};

}  // namespace metalmesh::controller
