// What an agent that lost its data folder may have left on the BMCs it was working on: the controller knows
// which those are, has the new agent look for media and overrides of ours (reading only), and keeps what is
// found as debts of the deployments. They are taken away when a person says so: only then may a medium be
// taken from what may be an installer.
#pragma once

#include <string>

#include "controller/core/work.h"

namespace metalmesh::controller {

/// The agent that worked on it is gone, or is not followed any more and works on: the one that is followed looks at
/// its BMC.
void look_for_ours(Work& work, const std::string& deployment);

/// The answer to `asked` about `server`: debts of its last deployment, and a line of the log.
void take_leftovers(Work& work, const std::string& server, const record::InspectWish& asked,
                    const wire::Inspected& seen);

}  // namespace metalmesh::controller
