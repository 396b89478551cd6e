// Transport, the tree, texts, and who the machine is.
#include "tests/sim/cases/bmc_case.h"

namespace metalmesh::sim {

using bmcsim::BmcOptions;

namespace {

void two_macs(BmcOptions& bmc) { bmc.macs = {"B4:2E:99:00:00:01", "B4:2E:99:00:00:02"}; }
void order_mac(wire::StartInstall& order) { order.mutable_identity()->add_macs("b4:2e:99:00:00:02"); }

}  // namespace

std::vector<Case> discovery_cases() {
  return {
      // transport
      {.name = "tls_1_0_only",
       .faults = {"tls_1_0_only"},
       .ends = {"FAILED BMC_TLS_REFUSED"},
       .inspected = "BMC_TLS_REFUSED"},
      {.name = "no_redfish_at_all",
       .faults = {"not_found_at_all"},
       .ends = {"FAILED BMC_PROTOCOL"},
       .words = {"404"},
       .inspected = "BMC_PROTOCOL"},
      // collections
      {.name = "dpu_is_a_system", .faults = {"dpu_is_a_system"}, .ends = {"SUCCEEDED"}},
      {.name = "bmc_usb_nic",
       .faults = {"bmc_usb_nic"},
       .ends = {"SUCCEEDED"},
       .inspected = "ok",
       .machine = &two_macs,
       .order = &order_mac},
      // texts
      {.name = "cut_bodies", .faults = {"cut_bodies"}, .ends = {"FAILED"}, .words = {"JSON"}},
      {.name = "html_instead", .faults = {"html_instead"}, .ends = {"FAILED BMC_PROTOCOL"}},
      // identity
      {.name = "identity_empty_at_first",
       .faults = {"identity_empty"},
       .ends = {"SUCCEEDED", "FAILED IDENTITY", "FAILED BMC_PROTOCOL"},
       .when = When::ordered},
  };
}

}  // namespace metalmesh::sim
