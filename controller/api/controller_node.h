// The controller as the turn sees it: the core, and the ways that people and tools reach it by, as one DecisionCore.
//
// HTTP exchanges and the API's own timers go to the API, what tools say at the broker to their desk, everything else to the core. After every input
// the streams, and what tools are told, send what became readable.
#pragma once

#include "common/turn/decision_core.h"
#include "controller/api/access.h"
#include "controller/api/operator_api.h"
#include "controller/api/tool_desk.h"
#include "controller/api/tool_events.h"
#include "controller/core/controller_core.h"

namespace metalmesh::controller {

class ControllerNode final : public DecisionCore {
 public:
  /// Loads every row. References must outlive the node.
  ControllerNode(const RowReader& rows, const Signer& signer, const Verifier& verifier, Entropy& entropy,
                 Authenticator& authenticator, ControllerLimits limits = {}, ApiSettings settings = {});

  Outcome handle(const Input& input, const Now& now) override;
  /// True for what changes nothing: questions to the API. Any thread (see OnlyReads).
  [[nodiscard]] static bool only_reads(const Input& input);

  [[nodiscard]] const MeshState& state() const { return core_.state(); }

 private:
  ControllerCore core_;
  OperatorApi api_;
  ToolDesk tools_;
  ToolEvents told_;
};

}  // namespace metalmesh::controller
