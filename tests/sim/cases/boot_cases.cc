// The boot override, and hosts that do not boot what they were told to.
#include "tests/sim/cases/bmc_case.h"

namespace metalmesh::sim {

using bmcsim::BmcOptions;

std::vector<Case> boot_cases() {
  return {
      {.name = "boot_forgotten",
       .faults = {"boot_forgotten"},
       .ends = {"FAILED BOOT_OVERRIDE_REFUSED"},
       .words = {"Disabled"}},
      {.name = "starts_from_cd_by_itself",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .machine = [](BmcOptions& bmc) { bmc.cd_first = true; }},
  };
}

}  // namespace metalmesh::sim
