// Power: orders, readings, and the mains.
#include "tests/sim/cases/bmc_case.h"

namespace metalmesh::sim {

using bmcsim::BmcOptions;

namespace {

void running(BmcOptions& bmc) { bmc.powered_on = bmc.disk_has_os = true; }
void graceful(orders::Parts& order) { order.agreed.mutable_install()->set_power(wire::GRACEFUL); }
void force(orders::Parts& order) { order.agreed.mutable_install()->set_power(wire::FORCE); }

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
      {.name = "graceful_not_offered",
       .faults = {"graceful_not_offered"},
       .ends = {"FAILED POWER_FAILED", "FAILED POWERED_ON"},
       .words = {"GracefulShutdown"},
       .never_called = "ForceOff",
       .machine = &running,
       .order = &graceful},
      {.name = "power_state_null_blip", .faults = {"power_state_null_blip"}, .ends = {"SUCCEEDED"}},
      {.name = "power_state_null",
       .faults = {"power_state_null"},
       .ends = {"FAILED BMC_PROTOCOL", "FAILED POWER_FAILED"},
       .words = {"PowerState"}},
      {.name = "power_state_null_while_installing",
       .faults = {"power_state_null"},
       .ends = {"INDETERMINATE"},
       .when = When::installing},
      {.name = "power_state_off_once_while_installing",
       .faults = {"power_state_off_once"},
       .ends = {"SUCCEEDED"},
       .when = When::installing},
      {.name = "power_lag_20s", .faults = {"power_lag_20s"}, .ends = {"SUCCEEDED"}},
      {.name = "power_lag_20s_forced",
       .faults = {"power_lag_20s"},
       .ends = {"SUCCEEDED"},
       .machine = &running,
       .order = &force},
      {.name = "on_409_after_off", .faults = {"on_409_after_off"}, .ends = {"SUCCEEDED"}},
      {.name = "on_409_after_our_off",
       .faults = {"on_409_after_off"},
       .ends = {"SUCCEEDED"},
       .machine = &running,
       .order = &force},
      {.name = "final_on_ignored_once", .faults = {"final_on_ignored_once"}, .ends = {"SUCCEEDED"}},
      {.name = "final_on_ignored",
       .faults = {"final_on_ignored"},
       .ends = {"UNPROVEN POWER_FAILED"},
       .words = {"still Off"},
       .not_words = {"network"}},
      {.name = "push_button_lag", .faults = {"push_button_lag"}, .ends = {"SUCCEEDED"}},
      {.name = "push_button_lag_forced",
       .faults = {"push_button_lag"},
       .ends = {"SUCCEEDED"},
       .machine = &running,
       .order = &force},
      // the mains
      {.name = "power_cut_6s_at_5",
       .faults = {"power_cut_6s_at_5"},
       .ends = {"INDETERMINATE", "FAILED INSTALLER", "SUCCEEDED"}},
      {.name = "power_cut_6s_at_50",
       .faults = {"power_cut_6s_at_50"},
       .ends = {"INDETERMINATE", "FAILED INSTALLER", "SUCCEEDED"}},
      {.name = "power_cut_6s_at_100",
       .faults = {"power_cut_6s_at_100"},
       .ends = {"INDETERMINATE", "FAILED INSTALLER", "SUCCEEDED", "UNPROVEN"}},
      {.name = "power_cut_40s_at_50",
       .faults = {"power_cut_40s_at_50"},
       .ends = {"INDETERMINATE", "FAILED INSTALLER", "SUCCEEDED"}},
      {.name = "power_lost_at_14",
       .faults = {"power_lost_at_14"},
       .ends = {"INDETERMINATE", "FAILED INSTALLER"},
       .host_off_at_end = true},
      {.name = "power_lost_at_50",
       .faults = {"power_lost_at_50"},
       .ends = {"INDETERMINATE", "FAILED INSTALLER"},
       .host_off_at_end = true},
  };
}

}  // namespace metalmesh::sim
