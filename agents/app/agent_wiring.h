// The one place where adapters meet the agent's core: builds them, runs the turn, takes them down in the
// right order. Everything else in the program is either pure or an adapter.
#pragma once

#include <string>

#include "agents/app/agent_options.h"
#include "common/base/log.h"
#include "common/ports/clock.h"

namespace metalmesh::agent {

/// Runs until SIGTERM or SIGINT, or until the node cannot go on. Returns the exit code: 0, 1 (failed while
/// running) or 2 (wrong configuration); the reason is the last error in the log. Call it on the main thread
/// before any other thread exists: it blocks the signals that it waits for.
int run_agent(const AgentOptions& options, const std::string& version, Clock& clock, LogSink& log);

}  // namespace metalmesh::agent
