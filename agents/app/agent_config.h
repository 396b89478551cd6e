// The agent's configuration, checked: what is missing or unreadable is named together with the step that
// repairs it, before anything is opened.
#pragma once

#include <string>

#include "agents/app/agent_options.h"
#include "agents/core/agent_settings.h"
#include "common/base/result.h"
#include "schemas/config/agent.pb.h"

namespace metalmesh::agent {

/// Reads the file, applies the command line, fills in defaults and looks at every file that is named.
Result<config::Agent> load_config(const AgentOptions& options);
/// The part that `media` needs: the data folder and media. It reads no key but that of the media.
Result<config::Agent> load_media_config(const AgentOptions& options);
/// The part that `image` needs: dataDir.
Result<config::Agent> load_store_config(const AgentOptions& options);
/// The part that `credential` needs: only where the credentials are.
Result<std::string> load_credentials_path(const AgentOptions& options);

AgentSettings settings_of(const config::Agent& config, const std::string& machine_id,
                          const std::string& version);

}  // namespace metalmesh::agent
