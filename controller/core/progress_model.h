// One percent for each deployment, from all that is known of it: stage, reads of medium and packages, power
// and boot progress, proofs. Pure.
//
// It never falls, whatever is lost, late or out of order, and is 100 only with the proof that makes the
// deployment SUCCEEDED. Where earlier installs of the same site and profile tell how long one takes and how
// much it reads, they weigh in and foretell the end; without them the end is unknown and not guessed, and so
// it is once this one takes longer than they did.
#pragma once

#include <optional>
#include <string>

#include "common/base/time.h"
#include "controller/state/install_history.h"

namespace metalmesh::controller {

/// What a sample tells beyond what the deployment keeps.
struct LiveSigns {
  wire::ProofGrade proof = wire::PROOF_NONE;
  std::string boot_progress;
  std::uint32_t media_percent = 0;  // from an agent that does not tell the size of its medium
};

/// Sets percent, eta and eta_from anew.
void advance_progress(rest::Deployment& deployment, const LiveSigns& signs,
                      const std::optional<InstallFigures>& earlier, WallTime now);

}  // namespace metalmesh::controller
