// Logins, sessions and permissions.
#include "tests/sim/cases/bmc_case.h"

namespace metalmesh::sim {

std::vector<Case> login_cases() {
  return {
      {.name = "basic_only_wrong_password",
       .faults = {"basic_only_401", "password_changed"},
       .ends = {"FAILED BMC_LOGIN_REFUSED"},
       .inspected = "BMC_LOGIN_REFUSED"},
      {.name = "login_busy_503_ordered",
       .faults = {"login_busy_503"},
       .ends = {"SUCCEEDED"},
       .when = When::ordered},
      {.name = "system_403",
       .faults = {"system_403"},
       .ends = {"FAILED"},
       .words = {"denied access"},
       .not_words = {"check the BMC's cable"}},
      {.name = "system_403_after_inspection",
       .faults = {"system_403"},
       .ends = {"FAILED"},
       .words = {"denied access"},
       .not_words = {"check the BMC's cable"},
       .inspected = "ok",
       .when = When::ordered},
      {.name = "session_table_full",
       .faults = {"session_table_full"},
       .ends = {"FAILED BMC_SESSIONS_FULL"},
       .inspected = "BMC_SESSIONS_FULL"},
  };
}

}  // namespace metalmesh::sim
