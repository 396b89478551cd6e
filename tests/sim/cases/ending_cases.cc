// Installers that restart: at their end, as ESXi's does, and between their passes, as Windows' does. For firmware that
// prefers the medium at each start, and for firmware that does not; whatever there is to see of a restart.
#include "tests/sim/cases/bmc_case.h"

namespace metalmesh::sim {

using bmcsim::BmcOptions;

namespace {

using namespace std::chrono_literals;

// Of endings.h.
constexpr std::size_t restarts_at_end = 1;
constexpr std::size_t has_passes = 2;
constexpr std::size_t has_a_pass_and_restarts = 3;

void slow(BmcOptions& bmc) { bmc.post_time = 45s, bmc.calls_back = false; }
void tells(BmcOptions& bmc) { slow(bmc), bmc.boot_progress = true; }
void firmware_prefers_medium(BmcOptions& bmc) { slow(bmc), bmc.cd_first = true; }
void firmware_prefers_medium_and_tells(BmcOptions& bmc) { tells(bmc), bmc.cd_first = true; }
void firmware_prefers_medium_and_calls(BmcOptions& bmc) {
  firmware_prefers_medium(bmc), bmc.calls_back = true;
}
void looks(BmcOptions& bmc) { slow(bmc), bmc.looks_at_media = true; }
void restarts_unasked(BmcOptions& bmc) { firmware_prefers_medium_and_tells(bmc), bmc.reboots_at_end = true; }
void reaches(orders::Parts& order) {
  order.agreed.mutable_install()->mutable_proof()->set_reach_host("10.9.0.1");
}
void is_content_with_poweroff(orders::Parts& order) {
  order.agreed.mutable_install()->mutable_proof()->set_minimum(wire::PROOF_POWEROFF);
}

}  // namespace

std::vector<Case> ending_cases() {
  return {
      {.name = "restart_told",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .ending = restarts_at_end,
       .machine = &tells},
      {.name = "restart_told_medium_preferred",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .ending = restarts_at_end,
       .machine = &firmware_prefers_medium_and_tells},
      {.name = "restart_untold_new_system_calls",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .ending = restarts_at_end,
       .machine = &firmware_prefers_medium_and_calls},
      {.name = "restart_untold_port_opens",
       .faults = {},
       .ends = {"UNPROVEN PROOF_MISSING"},
       .port = Port::opens_with_new_system,
       .ending = restarts_at_end,
       .machine = &looks,
       .order = &reaches},
      {.name = "restart_untold_medium_preferred_port_opens",
       .faults = {},
       .ends = {"UNPROVEN PROOF_MISSING"},
       .port = Port::opens_with_new_system,
       .ending = restarts_at_end,
       .machine = &firmware_prefers_medium,
       .order = &reaches},
      {.name = "restart_not_to_be_seen",
       .faults = {},
       .ends = {"INDETERMINATE INSTALLER_STALLED"},
       .ending = restarts_at_end,
       .machine = &slow},
      {.name = "restart_seen_at_the_medium_alone",
       .faults = {},
       .ends = {"INDETERMINATE INSTALLER_STALLED"},
       .ending = restarts_at_end,
       .machine = &firmware_prefers_medium},
      {.name = "restart_told_agent_restarts",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .when = When::half_way,
       .beside = Beside::agent_restarts,
       .ending = restarts_at_end,
       .machine = &firmware_prefers_medium_and_tells},
      {.name = "passes_told", .faults = {}, .ends = {"SUCCEEDED"}, .ending = has_passes, .machine = &tells},
      {.name = "passes_untold",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .ending = has_passes,
       .machine = &slow,
       .order = &is_content_with_poweroff},
      {.name = "passes_told_medium_preferred",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .ending = has_passes,
       .machine = &firmware_prefers_medium_and_tells},
      {.name = "passes_untold_medium_preferred",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .ending = has_passes,
       .machine = &firmware_prefers_medium,
       .order = &is_content_with_poweroff},
      {.name = "pass_and_restart_told",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .ending = has_a_pass_and_restarts,
       .machine = &firmware_prefers_medium_and_tells},
      {.name = "restart_nobody_expected",
       .faults = {},
       .ends = {"INDETERMINATE INSTALLER_REBOOTED"},
       .machine = &restarts_unasked},
  };
}

}  // namespace metalmesh::sim
