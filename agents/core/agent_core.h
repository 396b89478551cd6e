// The agent's brain: routes what happened to the part whose job it is, and lets nothing of it leave before
// the rows it depends on are written. Pure; all that must survive is rows, read back in the constructor.
//
// Who does what: stream_link (the controller), command_intake (what to believe), fence_table (never twice),
// job_queue and job_table (who runs), job_runner (install machines), launch_desk (who gets a launch), mount_desk
// (the media fence), media_reports (what the media server says), credential_breaker, bmc_logins, usual_reads (what
// an end looks like), image_desk, blob_cache, inspection_desk, site_doctor, discovery_desk, blob_shelf (what the
// controller may fetch), event_journal (what the controller is told), progress_samples (what it is shown meanwhile).
#pragma once

#include <memory>

#include "agents/core/agent_settings.h"
#include "common/ports/entropy.h"
#include "common/ports/signer.h"
#include "common/turn/decision_core.h"

namespace metalmesh::agent {

class AgentCore final : public DecisionCore {
 public:
  /// Loads every row. References must outlive the core.
  AgentCore(const RowReader& rows, const Signer& signer, const Verifier& verifier, Entropy& entropy,
            AgentSettings settings);
  ~AgentCore() override;

  [[nodiscard]] Outcome handle(const Input& input, const Now& now) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metalmesh::agent
