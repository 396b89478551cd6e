// `metalmesh-agent image inspect`: what an image file is, before anything is installed from it. Reads the file and
// nothing else; needs neither a configuration nor a running agent.
#pragma once

#include "agents/app/agent_options.h"

namespace metalmesh::agent {

/// Exit code: 0 it can be installed from, 1 it cannot be, 2 wrong usage or the file cannot be read.
int inspect_image_command(const AgentOptions& options);

}  // namespace metalmesh::agent
