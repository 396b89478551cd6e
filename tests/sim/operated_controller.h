// The controller's core with the operator at its side; api/ has this place in production.
#pragma once

#include <chrono>

#include "common/turn/decision_core.h"
#include "controller/core/controller_core.h"
#include "tests/sim/operator.h"

namespace metalmesh::sim {

class OperatedController final : public DecisionCore {
 public:
  OperatedController(const RowReader& rows, const Signer& signer, const Verifier& verifier, Entropy& entropy,
                     Operator& person, controller::ControllerLimits limits = {})
      : core_(rows, signer, verifier, entropy, limits), person_(person) {}

  Outcome handle(const Input& input, const Now& now) override {
    const auto* timer = std::get_if<TimerFired>(&input);
    if (timer != nullptr && timer->token == look_timer) {
      Outcome out;
      person_.look(core_, now, out);
      person_.hear(core_);
      out.emit(TimerArm{look_timer, now.mono + std::chrono::seconds(20)});
      return out;
    }
    if (std::holds_alternative<Started>(input)) person_.forget_waiting();
    Outcome out = core_.handle(input, now);
    person_.hear(core_);
    if (std::holds_alternative<Started>(input))
      out.emit(TimerArm{look_timer, now.mono + std::chrono::seconds(1)});
    return out;
  }

 private:
  static constexpr char look_timer[] = "sim/operator";
  controller::ControllerCore core_;
  Operator& person_;
};

}  // namespace metalmesh::sim
