#include "agents/redfish/actions.h"
#include "agents/redfish/inventory_view.h"
#include "agents/redfish/json_view.h"
#include "agents/redfish/resources.h"

namespace metalmesh::redfish {
namespace {

/// The header wins over the body; an ETag of "" means none.
std::string etag_of(const HttpReplied& reply, View root) {
  std::string etag = header(reply, "etag");
  if (etag.empty()) etag = root["@odata.etag"].text();
  return etag == "\"\"" ? std::string() : etag;
}

Boot boot_of(View boot) {
  Boot out;
  out.present = boot.is_object();
  out.enabled = boot["BootSourceOverrideEnabled"].text();
  out.target = boot["BootSourceOverrideTarget"].text();
  out.mode = boot["BootSourceOverrideMode"].text();
  for (const std::string& key : boot.keys())
    if (key == "BootSourceOverrideMode") out.has_mode = true;
  out.targets = boot["BootSourceOverrideTarget@Redfish.AllowableValues"].texts();
  return out;
}

Light light_of(View root) {
  Light out{root["LocationIndicatorActive"].flag(), root["IndicatorLED"].text()};
  if (out.led == "Unknown") out.led.clear();
  return out;
}

std::string nothing_if_none(const std::string& text) {
  return text == "None" || text == "N/A" ? std::string() : text;
}

wire::Inventory told_of(View root) {
  constexpr std::uint64_t gib = std::uint64_t{1} << 30U;
  constexpr std::uint64_t most_gib = std::uint64_t{1} << 20U;
  wire::Inventory out;
  const View summary = root["ProcessorSummary"];
  wire::Inventory::Processors processors;
  processors.set_model(short_text(summary["Model"]));
  processors.set_count(static_cast<std::uint32_t>(number(summary["Count"])));
  processors.set_cores(static_cast<std::uint32_t>(number(summary["CoreCount"])));
  processors.set_threads(static_cast<std::uint32_t>(number(summary["LogicalProcessorCount"])));
  if (processors.count() > 0) *out.mutable_processors() = std::move(processors);
  const std::uint64_t memory = number(root["MemorySummary"]["TotalSystemMemoryGiB"]);
  if (memory < most_gib) out.set_memory_bytes(memory * gib);
  out.set_bios(short_text(root["BiosVersion"]));
  out.set_health(health_of(root["Status"]));
  return out;
}

}  // namespace

Result<System> parse_system(const HttpReplied& reply) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return std::unexpected(document.error());
  const View root = document->root();
  System out;
  out.uri = root["@odata.id"].link();
  out.name = root["Name"].text();
  out.identity = {root["UUID"].text(), root["SerialNumber"].text(), root["SKU"].text(), {}, {}};
  out.manufacturer = root["Manufacturer"].text();
  out.model = root["Model"].text();
  out.power = root["PowerState"].text();
  out.boot_progress = root["BootProgress"]["LastState"].text();
  out.etag = etag_of(reply, root);
  out.settings = root["@Redfish.Settings"]["SettingsObject"].link();
  out.boot = boot_of(root["Boot"]);
  out.light = light_of(root);
  out.reset = reset_of(root, out.uri, "ComputerSystem.Reset");
  out.type = root["SystemType"].text();
  out.ethernet_interfaces = root["EthernetInterfaces"].link();
  out.virtual_media = root["VirtualMedia"].link();
  for (const std::string_view name : {"ManagedBy", "Managers"}) {
    for (const View& manager : root["Links"][name].one_or_more(8))
      if (std::string path = manager.link(); !path.empty()) out.managers.push_back(std::move(path));
    if (!out.managers.empty()) break;
  }
  for (const View& chassis : root["Links"]["Chassis"].one_or_more(8))
    if (std::string path = chassis.link(); !path.empty()) out.chassis.push_back(std::move(path));
  out.told = told_of(root);
  out.parts = {root["Bios"].link(), root["SecureBoot"].link(), root["Storage"].link(),
               root["Processors"].link()};
  return out;
}

Result<std::pair<Boot, std::string>> parse_boot_settings(const HttpReplied& reply) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return std::unexpected(document.error());
  Boot boot = boot_of(document->root()["Boot"]);
  boot.present = boot.present && !(boot.enabled.empty() && boot.targets.empty());
  return std::pair(std::move(boot), etag_of(reply, document->root()));
}

Result<std::vector<std::string>> parse_macs(const HttpReplied& reply) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return std::unexpected(document.error());
  std::vector<std::string> out;
  for (const std::string_view name : {"MACAddress", "PermanentMACAddress"}) {
    std::string mac = document->root()[name].text();
    if (is_real_mac(mac) && (out.empty() || !same_mac(out.front(), mac))) out.push_back(std::move(mac));
  }
  return out;
}

Result<Slot> parse_slot(const HttpReplied& reply) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return std::unexpected(document.error());
  const View root = document->root();
  Slot out;
  out.uri = root["@odata.id"].link();
  out.id = root["Id"].text();
  out.name = root["Name"].text();
  out.etag = etag_of(reply, root);
  out.media_types = root["MediaTypes"].texts();
  const View actions = root["Actions"];
  out.insert_target = target_of(actions["#VirtualMedia.InsertMedia"], out.uri, "VirtualMedia.InsertMedia");
  out.eject_target = target_of(actions["#VirtualMedia.EjectMedia"], out.uri, "VirtualMedia.EjectMedia");
  const View oem = root["Oem"];
  for (const std::string& maker : oem.keys()) {
    out.vmm_control = oem[maker]["Actions"]["#VirtualMedia.VmmControl"]["target"].link();
    if (!out.vmm_control.empty()) break;
  }
  out.image = nothing_if_none(root["Image"].text());
  out.connected_via = root["ConnectedVia"].text();
  out.inserted_flag = root["Inserted"].flag();
  return out;
}

}  // namespace metalmesh::redfish
