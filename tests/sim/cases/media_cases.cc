// Virtual media: inserting, showing, ejecting.
#include "tests/sim/cases/bmc_case.h"

namespace metalmesh::sim {

std::vector<Case> media_cases() {
  return {
      {.name = "slot_lag_15s", .faults = {"slot_lag_15s"}, .ends = {"SUCCEEDED"}},
      {.name = "insert_reads_whole",
       .faults = {"insert_reads_whole"},
       .ends = {"FAILED INSERT_REFUSED", "FAILED MEDIA", "FAILED IMAGE"},
       .words = {"503"}},
      {.name = "verify_certificate",
       .faults = {"verify_certificate"},
       .ends = {"FAILED MEDIA_TLS_REFUSED"},
       .words = {"unknown ca"}},
      {.name = "licence_missing",
       .faults = {"licence_missing"},
       .ends = {"FAILED LICENCE_MISSING"},
       .words = {"iLO Advanced"},
       .most = {"InsertMedia", 1}},
      {.name = "eject_refused", .faults = {"eject_refused"}, .ends = {"SUCCEEDED", "UNPROVEN"}},
      {.name = "slot_by_patch", .faults = {"slot_by_patch"}, .ends = {"SUCCEEDED"}, .inspected = "ok"},
      {.name = "slot_by_oem_action",
       .faults = {"slot_by_oem_action"},
       .ends = {"SUCCEEDED", "FAILED NO_VIRTUAL_MEDIA"}},
      {.name = "slots_after_enable",
       .faults = {"slots_after_enable"},
       .ends = {"SUCCEEDED", "FAILED NO_VIRTUAL_MEDIA"}},
      {.name = "filled_remote_disc",
       .faults = {"filled_remote_disc"},
       .ends = {"FAILED FOREIGN_MEDIA", "SUCCEEDED"},
       .most = {"RDOC1/Actions/VirtualMedia.EjectMedia", 0}},
  };
}

}  // namespace metalmesh::sim
