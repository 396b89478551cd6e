#include "agents/app/agent_options.h"
#include "agents/app/agent_wiring.h"
#include "agents/app/credential_command.h"
#include "agents/app/media_command.h"
#include "common/adapters/log_writer.h"
#include "common/adapters/system_clock.h"

int main(int argc, char** argv) {
  using namespace metalmesh;
  const auto options = agent::parse_options(argc, argv, MM_VERSION);
  if (!options) return options.error();
  adapters::SystemClock clock;
  adapters::LogWriter log(clock, options->log_format, options->log_level);
  switch (options->action) {
    case agent::AgentAction::serve_media:
      return agent::serve_media_command(*options, log);
    case agent::AgentAction::set_credential:
      return agent::set_credential_command(*options, log);
    case agent::AgentAction::list_credentials:
      return agent::list_credentials_command(*options, log);
    case agent::AgentAction::run:
    case agent::AgentAction::check_config:
      break;
  }
  return agent::run_agent(*options, MM_VERSION, clock, log);
}
