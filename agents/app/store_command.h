// `metalmesh-agent store check|settle`: which rows of a stopped agent's store are damaged, what that means, and a
// person's word about it.
#pragma once

#include "agents/app/agent_options.h"

namespace metalmesh::agent {

/// One line for each damaged row. Exit code: 0 all are whole, 1 some are not, 2 it cannot be told (the agent runs, no
/// store, wrong configuration). Changes nothing but rows whose keys have rotted and that go back to their places.
int check_store_command(const AgentOptions& options);
/// Exit code: 0 done, 1 refused, 2 as above.
int settle_row_command(const AgentOptions& options);

}  // namespace metalmesh::agent
