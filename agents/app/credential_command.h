// `metalmesh-agent credential set|release|list`: the only ways in which a person touches BMC passwords here.
#pragma once

#include "agents/app/agent_options.h"
#include "common/base/log.h"

namespace metalmesh::agent {

/// Each returns the exit code: 0, 1 (could not be done) or 2 (wrong usage or configuration).
int set_credential_command(const AgentOptions& options, LogSink& log);
int release_credential_command(const AgentOptions& options, LogSink& log);
int list_credentials_command(const AgentOptions& options, LogSink& log);

}  // namespace metalmesh::agent
