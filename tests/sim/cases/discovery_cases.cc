// Transport, the tree, texts, and who the machine is.
#include "tests/sim/cases/bmc_case.h"

namespace metalmesh::sim {

using bmcsim::BmcOptions;

namespace {

void two_macs(BmcOptions& bmc) { bmc.macs = {"B4:2E:99:00:00:01", "B4:2E:99:00:00:02"}; }
void order_mac(orders::Parts& order) { order.agreed.mutable_identity()->add_macs("b4:2e:99:00:00:02"); }

}  // namespace

std::vector<Case> discovery_cases() {
  return {
      // transport
      {.name = "gzip_always", .faults = {"gzip_always"}, .ends = {"SUCCEEDED"}, .inspected = "ok"},
      {.name = "gzip_or_406", .faults = {"gzip_or_406"}, .ends = {"SUCCEEDED"}, .inspected = "ok"},
      {.name = "keepalive_reset", .faults = {"keepalive_reset"}, .ends = {"SUCCEEDED"}, .inspected = "ok"},
      {.name = "slow_40s", .faults = {"slow_40s"}, .ends = {"SUCCEEDED"}, .inspected = "ok"},
      {.name = "two_link_headers", .faults = {"two_link_headers"}, .ends = {"SUCCEEDED"}, .inspected = "ok"},
      {.name = "tls_1_0_only",
       .faults = {"tls_1_0_only"},
       .ends = {"FAILED BMC_TLS_REFUSED"},
       .words = {"TLS 1.0 or 1.1 only", "update its firmware"},
       .inspected = "BMC_TLS_REFUSED"},
      {.name = "session_redirect", .faults = {"session_redirect"}, .ends = {"SUCCEEDED"}, .inspected = "ok"},
      {.name = "redirect_308", .faults = {"redirect_308"}, .ends = {"SUCCEEDED"}, .inspected = "ok"},
      {.name = "redirect_every_method",
       .faults = {"redirect_308", "session_redirect"},
       .ends = {"SUCCEEDED"},
       .inspected = "ok"},
      {.name = "root_without_slash",
       .faults = {"root_without_slash"},
       .ends = {"SUCCEEDED"},
       .inspected = "ok"},
      {.name = "redirect_other_port",
       .faults = {"redirect_other_port"},
       .ends = {"FAILED BMC_PROTOCOL"},
       .words = {"192.0.2.77:8443"}},
      {.name = "no_redfish_at_all",
       .faults = {"not_found_at_all"},
       .ends = {"FAILED BMC_PROTOCOL"},
       .words = {"404"},
       .inspected = "BMC_PROTOCOL"},
      // collections
      {.name = "systems_empty_at_first",
       .faults = {"systems_empty_at_first"},
       .ends = {"SUCCEEDED"},
       .inspected = "ok"},
      {.name = "systems_empty_at_first_ordered",
       .faults = {"systems_empty_at_first"},
       .ends = {"SUCCEEDED"},
       .when = When::ordered},
      {.name = "members_is_an_object",
       .faults = {"members_is_an_object"},
       .ends = {"SUCCEEDED"},
       .inspected = "ok"},
      {.name = "next_link", .faults = {"next_link"}, .ends = {"SUCCEEDED"}, .inspected = "ok"},
      {.name = "dpu_is_a_system", .faults = {"dpu_is_a_system"}, .ends = {"SUCCEEDED"}},
      {.name = "two_managers_no_link",
       .faults = {"two_managers_no_link"},
       .ends = {"SUCCEEDED"},
       .inspected = "ok"},
      {.name = "nics_gone_when_off",
       .faults = {"nics_gone_when_off"},
       .ends = {"SUCCEEDED"},
       .not_words = {"cabl"},
       .machine = &two_macs,
       .order = &order_mac},
      {.name = "nic_member_500",
       .faults = {"nic_member_500"},
       .ends = {"SUCCEEDED"},
       .inspected = "ok",
       .machine = &two_macs,
       .order = &order_mac},
      {.name = "bmc_usb_nic",
       .faults = {"bmc_usb_nic"},
       .ends = {"SUCCEEDED"},
       .inspected = "ok",
       .machine = &two_macs,
       .order = &order_mac},
      // texts
      {.name = "latin1_text", .faults = {"latin1_text"}, .ends = {"SUCCEEDED"}, .inspected = "ok"},
      {.name = "latin1_error",
       .faults = {"latin1_error", "insert_500_always"},
       .ends = {"FAILED INSERT_REFUSED"},
       .words = {"Requ"}},
      {.name = "utf8_bom", .faults = {"utf8_bom"}, .ends = {"SUCCEEDED"}, .inspected = "ok"},
      {.name = "unescaped_etag",
       .faults = {"unescaped_etag"},
       .ends = {"FAILED"},
       .words = {"invalid JSON at byte", "/redfish/v1/Systems/1"}},
      {.name = "extinfo_is_an_object",
       .faults = {"extinfo_is_an_object", "insert_500_always"},
       .ends = {"FAILED INSERT_REFUSED"},
       .words = {"SYS446"}},
      {.name = "cut_bodies", .faults = {"cut_bodies"}, .ends = {"FAILED"}, .words = {"JSON"}},
      {.name = "html_instead", .faults = {"html_instead"}, .ends = {"FAILED BMC_PROTOCOL"}},
      // identity
      {.name = "uuid_byte_order",
       .faults = {"uuid_byte_order"},
       .ends = {"FAILED IDENTITY_MISMATCH"},
       .words = {"byte"}},
      {.name = "label_is_sku", .faults = {"label_is_sku"}, .ends = {"SUCCEEDED"}, .inspected = "ok"},
      {.name = "uuid_only", .faults = {"uuid_only"}, .ends = {"SUCCEEDED"}, .inspected = "ok"},
      {.name = "identity_empty_at_first",
       .faults = {"identity_empty"},
       .ends = {"SUCCEEDED", "FAILED IDENTITY", "FAILED BMC_PROTOCOL"},
       .when = When::ordered},
  };
}

}  // namespace metalmesh::sim
