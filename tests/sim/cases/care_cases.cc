// What a BMC tells of itself beside its system is a doctor's matter (tests/unit/care): an install is stopped by what it
// meets, and by nothing that is only told.
#include "tests/sim/cases/bmc_case.h"

namespace metalmesh::sim {

std::vector<Case> care_cases() {
  std::vector<Case> cases = {
      {.name = "settings_locked",
       .faults = {"settings_locked"},
       .ends = {"FAILED BOOT_OVERRIDE_REFUSED"},
       .words = {"lockdown"}},
  };
  for (const std::string_view fault :
       {"clock_2019", "licence_standard", "licence_ended", "account_read_only", "media_switched_off",
        "media_by_http_only", "media_by_shares_only", "media_verified_by_nothing", "bmc_without_gateway",
        "bmc_without_name_server", "sessions_left_open", "job_scheduled", "starts_from_no_cd",
        "shows_screen"})
    cases.push_back({.name = fault, .faults = {fault}, .ends = {"SUCCEEDED"}});
  return cases;
}

}  // namespace metalmesh::sim
