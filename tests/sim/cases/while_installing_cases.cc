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

}  // namespace

std::vector<Case> while_installing_cases() {
  return {
      breaks("credentials_away_passes", "", passes_after, Beside::credentials_away),
      breaks("credentials_away_lasts", "", for_good, Beside::credentials_away),
      breaks("not_found_passes", "not_found_at_all", passes_after),
      breaks("tokens_refused_passes", "tokens_refused", passes_after),
      breaks("tokens_refused_restart", "tokens_refused", passes_after, Beside::agent_restarts),
      breaks("silent_passes", "silent", passes_after),
      breaks("silent_restart", "silent", passes_after, Beside::agent_restarts),
      breaks("html_passes", "html_instead", passes_after),
  };
}

}  // namespace metalmesh::sim
