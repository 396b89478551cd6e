// `metalmesh-agent image list` and `image release`: what this machine's disk holds of installer images, and
// which of those that were imported may go when room is needed. Both work beside a running agent and without
// one.
#pragma once

#include "agents/app/agent_options.h"

namespace metalmesh::agent {

/// Exit code: 0 done, 2 wrong configuration.
int list_images_command(const AgentOptions& options);

/// `options.images` are digests. Exit code: 0 all are released, 1 some are not, 2 wrong usage or
/// configuration.
int release_images_command(const AgentOptions& options);

}  // namespace metalmesh::agent
