// `metalmesh-agent image import`: installer images from a disk that somebody carried to a site without
// network. Each is copied into the agent's data folder, verified as it lies there, and ready under its
// SHA-256 from then on; an agent that runs finds it within seconds. What it must be is taken from --sha256,
// FILE.sha256 or a SHA256SUMS beside it, where there is one.
#pragma once

#include "agents/app/agent_options.h"

namespace metalmesh::agent {

/// Exit code: 0 all are there, 1 some are not, 2 wrong usage or configuration.
int import_images_command(const AgentOptions& options);

}  // namespace metalmesh::agent
