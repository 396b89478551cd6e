#include <malloc.h>

#include "agents/app/agent_options.h"
#include "agents/app/agent_wiring.h"
#include "agents/app/credential_command.h"
#include "agents/app/image_command.h"
#include "agents/app/image_inspect_command.h"
#include "agents/app/image_list_command.h"
#include "agents/app/media_command.h"
#include "agents/app/stop_command.h"
#include "agents/app/store_command.h"
#include "agents/app/support_command.h"
#include "common/adapters/log_writer.h"
#include "common/adapters/system_clock.h"

/// libcurl brings GnuTLS along for LDAP, which nobody here speaks. Its documented way to be left asleep
/// (GNUTLS_SKIP_GLOBAL_INIT in gnutls.h) spares the agent its start and 650 KiB.
extern "C" int _gnutls_global_init_skip() { return 1; }  // NOLINT: its name

int main(int argc, char** argv) {
  using namespace metalmesh;
  // An edge box has little memory and few cores: a pool per thread would hold much and help nobody.
  mallopt(M_ARENA_MAX, 2);
  // Else the 4 MiB with which a password's version is computed once would stay, and whatever is freed up to twice that.
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
  const auto options = agent::parse_options(argc, argv, MM_VERSION);
  if (!options) return options.error();
  adapters::SystemClock clock;
  adapters::LogWriter log(clock, options->log_format, options->log_level);
  switch (options->action) {
    case agent::AgentAction::serve_media:
      return agent::serve_media_command(*options, log);
    case agent::AgentAction::set_credential:
      return agent::set_credential_command(*options, log);
    case agent::AgentAction::release_credential:
      return agent::release_credential_command(*options, log);
    case agent::AgentAction::list_credentials:
      return agent::list_credentials_command(*options, log);
    case agent::AgentAction::import_images:
      return agent::import_images_command(*options);
    case agent::AgentAction::list_images:
      return agent::list_images_command(*options);
    case agent::AgentAction::release_images:
      return agent::release_images_command(*options);
    case agent::AgentAction::inspect_image:
      return agent::inspect_image_command(*options);
    case agent::AgentAction::support_bundle:
      return agent::support_bundle_command(*options, MM_VERSION, log);
    case agent::AgentAction::check_store:
      return agent::check_store_command(*options);
    case agent::AgentAction::settle_row:
      return agent::settle_row_command(*options);
    case agent::AgentAction::stop_all:
      return agent::stop_all_command(*options);
    case agent::AgentAction::resume:
      return agent::resume_command(*options);
    case agent::AgentAction::run:
    case agent::AgentAction::check_config:
      break;
  }
  return agent::run_agent(*options, MM_VERSION, clock, log);
}
