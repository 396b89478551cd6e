// The talk with the BMC breaks while an installer runs: its medium is the last thing to go. Each trouble for
// ten minutes, for ten minutes with a restart of the agent, and for good.
#include "tests/sim/cases/bmc_case.h"

namespace metalmesh::sim {
namespace {

using std::chrono::minutes;

/// The installer takes five minutes.
constexpr Duration passes_after = minutes(10);
constexpr Duration for_good{};

/// How the job ends depends on what can still be seen; what the BMC and the host went through does not.
Case breaks(std::string_view name, std::string_view fault, Duration lasts, Beside beside = Beside::nothing) {
  Case one;
  one.name = name;
  if (!fault.empty()) one.faults = {fault};
  one.ends = {"SUCCEEDED", "INDETERMINATE"};
  one.when = When::installing;
  one.lasts = lasts;
  one.beside = beside;
  return one;
}

/// A machine that once said it was another is not touched again, whatever it says later.
Case contradicts(std::string_view name, std::string_view fault, Duration lasts,
                 Beside beside = Beside::nothing) {
  Case one = breaks(name, fault, lasts, beside);
  one.ends = {"INDETERMINATE"};
  return one;
}

}  // namespace

std::vector<Case> while_installing_cases() {
  return {
      breaks("credentials_away_passes", "", passes_after, Beside::credentials_away),
      breaks("credentials_away_restart", "", passes_after, Beside::credentials_away_restart),
      breaks("credentials_away_lasts", "", for_good, Beside::credentials_away),
      breaks("password_changed_passes", "password_changed", passes_after),
      breaks("password_changed_restart", "password_changed", passes_after, Beside::agent_restarts),
      breaks("password_changed_lasts", "password_changed", for_good),
      breaks("sessions_full_passes", "session_table_full", passes_after),
      breaks("sessions_full_restart", "session_table_full", passes_after, Beside::agent_restarts),
      breaks("sessions_full_lasts", "session_table_full", for_good),
      breaks("not_found_passes", "not_found_at_all", passes_after),
      breaks("not_found_restart", "not_found_at_all", passes_after, Beside::agent_restarts),
      breaks("not_found_lasts", "not_found_at_all", for_good),
      breaks("key_changes_passes", "key_changed", passes_after),
      breaks("key_changes_restart", "key_changed", passes_after, Beside::agent_restarts),
      breaks("key_changes_lasts", "key_changed", for_good),
      breaks("tokens_refused_passes", "tokens_refused", passes_after),
      breaks("tokens_refused_restart", "tokens_refused", passes_after, Beside::agent_restarts),
      breaks("tokens_refused_lasts", "tokens_refused", for_good),
      contradicts("identity_other_passes", "identity_other", passes_after),
      contradicts("identity_other_restart", "identity_other", passes_after, Beside::agent_restarts),
      contradicts("identity_other_lasts", "identity_other", for_good),
      breaks("silent_passes", "silent", passes_after),
      breaks("silent_restart", "silent", passes_after, Beside::agent_restarts),
      breaks("silent_lasts", "silent", for_good),
      breaks("html_passes", "html_instead", passes_after),
      breaks("html_restart", "html_instead", passes_after, Beside::agent_restarts),
      breaks("html_lasts", "html_instead", for_good),
      {.name = "identity_empty_while_installing",
       .faults = {"identity_empty"},
       .ends = {"SUCCEEDED"},
       .when = When::installing,
       .beside = Beside::agent_restarts},
      {.name = "login_busy_after_restart",
       .faults = {"session_table_full"},
       .ends = {"SUCCEEDED"},
       .when = When::half_way,
       .lasts = minutes(2),
       .beside = Beside::agent_restarts},
      {.name = "stops_reading",
       .faults = {},
       .ends = {"FAILED INSTALLER_STALLED", "INDETERMINATE INSTALLER_STALLED"},
       .machine = [](bmcsim::BmcOptions& bmc) { bmc.stops_reading_at = 60; }},
  };
}

}  // namespace metalmesh::sim
