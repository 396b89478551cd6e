// Carries started rollouts on: hands orders out just in time, within the limits; stops when too much failed;
// recalls when a person stops it; ends them. Called whenever a deployment moved, and once a second.
//
// Just in time means: a site never holds more than it may run now, so that a cut line leaves as little as
// possible that nobody can stop.
#pragma once

#include <string>

#include "controller/core/work.h"

namespace metalmesh::controller {

/// All rollouts that are not at rest.
void run_rollouts(Work& work);

/// Ends what was never handed out: nothing can have happened to its server.
void recall(Work& work, const std::string& deployment, const std::string& why, wire::FaultCode code);

/// Starts no more servers until a person lets it go on; what runs does. Told with the next step.
void stop_by_itself(Work& work, const std::string& rollout, const std::string& why);

/// The site is to stop (and fence) this deployment's generation; until it confirms that, the fence is owed.
void call_back(Work& work, const std::string& deployment, const std::string& reason);

}  // namespace metalmesh::controller
