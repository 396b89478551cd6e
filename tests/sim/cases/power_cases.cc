// Power: orders, readings, and the mains.
#include "tests/sim/cases/bmc_case.h"

namespace metalmesh::sim {

using bmcsim::BmcOptions;

namespace {

void running(BmcOptions& bmc) { bmc.powered_on = bmc.disk_has_os = true; }
void graceful(wire::StartInstall& order) { order.set_power(wire::GRACEFUL); }
void force(wire::StartInstall& order) { order.set_power(wire::FORCE); }

}  // namespace

std::vector<Case> power_cases() {
  return {
      {.name = "on_and_refused",
       .faults = {},
       .ends = {"FAILED POWERED_ON"},
       .never_called = "ForceOff",
       .machine = &running},
      {.name = "on_and_forced", .faults = {}, .ends = {"SUCCEEDED"}, .machine = &running, .order = &force},
      {.name = "on_and_graceful",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .never_called = "ForceOff",
       .machine = &running,
       .order = &graceful},
      {.name = "power_state_null",
       .faults = {"power_state_null"},
       .ends = {"FAILED BMC_PROTOCOL", "FAILED POWER_FAILED"},
       .words = {"PowerState"}},
      {.name = "power_lag_20s", .faults = {"power_lag_20s"}, .ends = {"SUCCEEDED"}},
      {.name = "power_lag_20s_forced",
       .faults = {"power_lag_20s"},
       .ends = {"SUCCEEDED"},
       .machine = &running,
       .order = &force},
      // the mains
  };
}

}  // namespace metalmesh::sim
