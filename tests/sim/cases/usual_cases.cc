// BMCs as the standard has them, and the refusals that every operator meets.
#include "tests/sim/cases/bmc_case.h"

namespace metalmesh::sim {

using bmcsim::BmcOptions;

std::vector<Case> usual_cases() {
  return {
      {.name = "standard", .faults = {}, .ends = {"SUCCEEDED"}, .inspected = "ok"},
      {.name = "insert_by_task",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .inspected = "ok",
       .machine = [](BmcOptions& bmc) { bmc.async_insert = true; }},
      {.name = "if_match_required",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .machine = [](BmcOptions& bmc) { bmc.require_if_match = true; }},
      {.name = "media_under_managers",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .inspected = "ok",
       .machine = [](BmcOptions& bmc) { bmc.media_under_systems = false; }},
      {.name = "boot_progress",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .machine = [](BmcOptions& bmc) { bmc.boot_progress = true, bmc.calls_back = false; }},
      {.name = "stays_on_and_nobody_tells_what_runs",
       .faults = {},
       .ends = {"UNPROVEN PROOF_MISSING"},
       .words = {"its BMC does not tell what runs", "proof.minimum callback"},
       .machine = [](BmcOptions& bmc) { bmc.calls_back = false; }},
      {.name = "calls_back",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .order =
           [](orders::Parts& order) {
             order.agreed.mutable_install()->mutable_proof()->set_minimum(wire::PROOF_CALLBACK);
           }},
      {.name = "old_system_on_disk",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .machine = [](BmcOptions& bmc) { bmc.disk_has_os = true; }},
      {.name = "macs_ordered",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .machine = [](BmcOptions& bmc) { bmc.macs = {"B4:2E:99:00:00:01", "B4:2E:99:00:00:02"}; },
       .order = [](orders::Parts& order) { order.agreed.mutable_identity()->add_macs("b4:2e:99:00:00:02"); }},
      {.name = "no_virtual_media",
       .faults = {},
       .ends = {"FAILED NO_VIRTUAL_MEDIA"},
       .machine = [](BmcOptions& bmc) { bmc.has_virtual_media = false; }},
      {.name = "foreign_medium",
       .faults = {},
       .ends = {"FAILED FOREIGN_MEDIA"},
       .words = {"rescue.iso"},
       .foreign_medium = "https://elsewhere.example/rescue.iso"},
      {.name = "foreign_medium_replaced",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .order = [](orders::Parts& order) { order.agreed.mutable_install()->set_replace_foreign_media(true); },
       .foreign_medium = "https://elsewhere.example/rescue.iso"},
      {.name = "wrong_machine",
       .faults = {"identity_other"},
       .ends = {"FAILED IDENTITY_MISMATCH"},
       .words = {"ELSEWHERE1"}},
      {.name = "wrong_machine_after_inspection",
       .faults = {"identity_other"},
       .ends = {"FAILED IDENTITY_MISMATCH"},
       .inspected = "ok",
       .when = When::ordered},
      {.name = "password_is_another",
       .faults = {"password_changed"},
       .ends = {"FAILED BMC_LOGIN_REFUSED"},
       .inspected = "BMC_LOGIN_REFUSED"},
      {.name = "key_is_another",
       .faults = {"key_changed"},
       .ends = {"FAILED BMC_KEY_CHANGED"},
       .inspected = "ok",
       .when = When::ordered},
      {.name = "no_answer",
       .faults = {"silent"},
       .ends = {"FAILED BMC_UNREACHABLE"},
       .inspected = "BMC_UNREACHABLE"},
      {.name = "reads_nothing",
       .faults = {},
       .ends = {"FAILED MEDIA_NOT_REACHED"},
       .machine = [](BmcOptions& bmc) { bmc.never_reads = true; }},
      {.name = "clock_jumps", .faults = {"clock_jumps"}, .ends = {"SUCCEEDED"}, .inspected = "ok"},
      {.name = "slow_answers", .faults = {"slow_3s"}, .ends = {"SUCCEEDED"}, .inspected = "ok"},
      {.name = "port_answers_as_the_new_system",
       .faults = {},
       .ends = {"SUCCEEDED"},
       .port = Port::opens_with_new_system,
       .order =
           [](orders::Parts& order) {
             order.agreed.mutable_install()->mutable_proof()->set_minimum(wire::PROOF_REACHABLE);
             order.agreed.mutable_install()->mutable_proof()->set_reach_host("192.0.2.50");
           }},
      {.name = "port_answers_all_the_time",
       .faults = {},
       .ends = {"UNPROVEN PROOF_MISSING"},
       .port = Port::open,
       .order =
           [](orders::Parts& order) {
             order.agreed.mutable_install()->mutable_proof()->set_minimum(wire::PROOF_REACHABLE);
             order.agreed.mutable_install()->mutable_proof()->set_reach_host("192.0.2.50");
           }},
  };
}

}  // namespace metalmesh::sim
