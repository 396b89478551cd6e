// The boot override, and hosts that do not boot what they were told to.
#include "tests/sim/cases/bmc_case.h"

namespace metalmesh::sim {

using bmcsim::BmcOptions;

namespace {

void old_system(BmcOptions& bmc) { bmc.disk_has_os = true; }

}  // namespace

std::vector<Case> boot_cases() {
  return {
      {.name = "once_becomes_continuous",
       .faults = {"once_becomes_continuous"},
       .ends = {"FAILED BOOT_OVERRIDE_REFUSED", "SUCCEEDED"}},
      {.name = "boot_in_settings",
       .faults = {"boot_in_settings"},
       .ends = {"SUCCEEDED"},
       .most = {"PATCH /redfish/v1/Systems/1", 2}},
      {.name = "settings_untold",  // and no row says where they are
       .faults = {"boot_in_settings", "settings_untold"},
       .ends = {"FAILED BOOT_OVERRIDE_REFUSED"}},
      {.name = "target_usbcd",
       .faults = {"target_usbcd"},
       .ends = {"SUCCEEDED"},
       .machine = &old_system,
       .order = [](orders::Parts& order) { order.agreed.mutable_install()->set_attempts_before_wipe(1); }},
      {.name = "mode_stays_legacy",
       .faults = {"mode_stays_legacy"},
       .ends = {"FAILED BOOT_OVERRIDE_REFUSED"},
       .words = {"Legacy"},
       .machine = &old_system},
      {.name = "mode_reverts",
       .faults = {"mode_reverts"},
       .ends = {"FAILED BOOT_OVERRIDE_REFUSED"},
       .words = {"Legacy"}},
      {.name = "boot_forgotten",
       .faults = {"boot_forgotten"},
       .ends = {"FAILED BOOT_OVERRIDE_REFUSED"},
       .words = {"Disabled"}},
      {.name = "boot_task_pending",
       .faults = {"boot_task_pending"},
       .ends = {"SUCCEEDED"},
       .at_most = std::chrono::minutes(10)},
      {.name = "override_ignored",
       .faults = {},
       .ends = {"FAILED BOOT_IGNORED", "FAILED MEDIA_NOT_REACHED"},
       .words = {"boot order", "network"},
       .host_off_at_end = true,
       .machine =
           [](BmcOptions& bmc) {
             bmc.disk_has_os = true;
             bmc.once_ignored = true;
           }},
      {.name = "stale_os_running", .faults = {"stale_os_running"}, .ends = {"SUCCEEDED"}},
      {.name = "stale_os_running_slow_post",
       .faults = {"stale_os_running"},
       .ends = {"SUCCEEDED", "UNPROVEN"},
       .machine = [](BmcOptions& bmc) { bmc.post_time = std::chrono::seconds(45); }},
      {.name = "stale_os_running_at_other_times",
       .faults = {"stale_os_running", "clock_jumps"},
       .ends = {"SUCCEEDED", "UNPROVEN"},
       .machine = [](BmcOptions& bmc) { bmc.post_time = std::chrono::seconds(45); }},
      {.name = "starts_from_cd_by_itself",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .machine = [](BmcOptions& bmc) { bmc.cd_first = true; }},
  };
}

}  // namespace metalmesh::sim
