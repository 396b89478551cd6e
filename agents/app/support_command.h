// metalmesh-agent support-bundle: what others need to understand an agent that misbehaves. It reads files
// only, so the agent may run or be down.
#pragma once

#include <string>

#include "agents/app/agent_options.h"

namespace metalmesh::agent {

/// Exit codes: 0 written (what could not be had is named inside), 1 it could not be written.
int support_bundle_command(const AgentOptions& options, const std::string& version, LogSink& log);

}  // namespace metalmesh::agent
