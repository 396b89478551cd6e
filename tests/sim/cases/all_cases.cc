#include "tests/sim/cases/bmc_case.h"

namespace metalmesh::sim {

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (const auto& table :
       {usual_cases(), login_cases(), discovery_cases(), media_cases(), boot_cases(), power_cases(),
        while_installing_cases(), ending_cases(), boot_iso_cases(), care_cases()})
    all.insert(all.end(), table.begin(), table.end());
  return all;
}

}  // namespace metalmesh::sim
