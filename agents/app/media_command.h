// `metalmesh-agent media`: the media server as a process of its own. What servers read outlives the agent,
// its crashes and its upgrades; without an agent nothing new is launched.
#pragma once

#include "agents/app/agent_options.h"
#include "common/base/log.h"

namespace metalmesh::agent {

/// Serves until SIGTERM or SIGINT. Returns the exit code: 0, 1 (cannot serve) or 2 (wrong configuration).
/// Call it on the main thread before any other thread exists.
int serve_media_command(const AgentOptions& options, LogSink& log);

}  // namespace metalmesh::agent
