// `metalmesh-agent stop-all` and `resume`: what a person at the site does when nothing else answers. The word is a file in
// the data folder, so that it holds however often the agent starts, and whether it runs now or not; a running one hears it
// at once over a socket beside it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "agents/app/agent_options.h"
#include "common/base/log.h"
#include "common/ports/http_exchange.h"

namespace metalmesh::agent {

/// The socket at which a running agent hears its own user and root.
std::filesystem::path agent_socket(const std::filesystem::path& data_dir);
/// What a starting agent is to hear first: that it was stopped, if it was.
std::optional<ExchangeOpened> standing_stop(const std::filesystem::path& data_dir);

/// Exit code: 0 done, 1 the running agent could not be told, 2 wrong configuration.
int stop_all_command(const AgentOptions& options);
int resume_command(const AgentOptions& options);

}  // namespace metalmesh::agent
