#include "common/adapters/log_writer.h"
#include "common/adapters/system_clock.h"
#include "controller/app/controller_options.h"
#include "controller/app/controller_wiring.h"
#include "controller/app/store_command.h"

int main(int argc, char** argv) {
  using namespace metalmesh;
  const auto options = controller::parse_options(argc, argv, MM_VERSION);
  if (!options) return options.error();
  if (options->check_store) return controller::check_store_command(*options);
  if (options->restore) return controller::restore_command(*options);
  adapters::SystemClock clock;
  adapters::LogWriter log(clock, options->log_format, options->log_level);
  return controller::run_controller(*options, MM_VERSION, clock, log);
}
