// The one place where adapters meet the controller's core: builds them, runs the turn, takes them down in the
// right order. Everything else in the program is either pure or an adapter.
#pragma once

#include <string>

#include "common/base/log.h"
#include "common/ports/clock.h"
#include "controller/app/controller_options.h"

namespace metalmesh::controller {

/// Runs until SIGTERM or SIGINT, or until the node cannot go on. Returns the exit code: 0, 1 (failed while
/// running) or 2 (wrong configuration); the reason is the last error in the log. Call it on the main thread
/// before any other thread exists: it blocks the signals that it waits for.
int run_controller(const ControllerOptions& options, const std::string& version, Clock& clock, LogSink& log);

}  // namespace metalmesh::controller
