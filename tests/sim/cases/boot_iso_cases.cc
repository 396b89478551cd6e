// A start from any image, once, whatever the firmware prefers and whatever becomes of the agent.
#include "tests/sim/cases/bmc_case.h"

namespace metalmesh::sim {

using bmcsim::BmcOptions;

namespace {

using namespace std::chrono_literals;

void boots(orders::Parts& order) {
  wire::BootIso boot;
  *boot.mutable_image() = order.agreed.install().image();
  boot.set_power(wire::FORCE);
  boot.mutable_max_run()->set_seconds(3600);
  *order.agreed.mutable_boot_iso() = boot;
}
void boots_and_restarts(orders::Parts& order) {
  boots(order);
  order.agreed.mutable_boot_iso()->set_afterwards(wire::BootIso::RESTART);
}
void boots_and_switches_off(orders::Parts& order) {
  boots(order);
  order.agreed.mutable_boot_iso()->set_afterwards(wire::BootIso::SWITCH_OFF);
}
void in_use(BmcOptions& bmc) { bmc.powered_on = bmc.disk_has_os = true; }
void prefers_medium(BmcOptions& bmc) { in_use(bmc), bmc.cd_first = true; }
void off(BmcOptions& bmc) { bmc.disk_has_os = true; }

}  // namespace

std::vector<Case> boot_iso_cases() {
  return {
      {.name = "boot_iso",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .only_boots = true,
       .machine = &in_use,
       .order = &boots},
      {.name = "boot_iso_then_restart_medium_preferred",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .only_boots = true,
       .machine = &prefers_medium,
       .order = &boots_and_restarts},
      {.name = "boot_iso_then_off",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .host_off_at_end = true,
       .only_boots = true,
       .machine = &off,
       .order = &boots_and_switches_off},
      {.name = "boot_iso_boot_ignored",
       .faults = {"boot_forgotten"},
       .ends = {"FAILED"},
       .only_boots = true,
       .machine = &in_use,
       .order = &boots},
  };
}

}  // namespace metalmesh::sim
