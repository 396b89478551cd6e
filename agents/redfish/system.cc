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

ResetAction reset_of(View action) {
  return {action["target"].link(), action["ResetType@Redfish.AllowableValues"].texts(),
          action["@Redfish.ActionInfo"].link()};
}

std::string nothing_if_none(const std::string& text) {
  return text == "None" || text == "N/A" ? std::string() : text;
}

}  // namespace

Result<System> parse_system(const HttpReplied& reply) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return std::unexpected(document.error());
  const View root = document->root();
  System out;
  out.uri = root["@odata.id"].link();
  out.name = root["Name"].text();
  out.identity = {root["UUID"].text(), root["SerialNumber"].text(), root["SKU"].text(), {}};
  out.manufacturer = root["Manufacturer"].text();
  out.model = root["Model"].text();
  out.power = root["PowerState"].text();
  out.boot_progress = root["BootProgress"]["LastState"].text();
  out.boot_progress_time = root["BootProgress"]["LastStateTime"].text();
  out.etag = etag_of(reply, root);
  out.boot = boot_of(root["Boot"]);
  out.reset = reset_of(root["Actions"]["#ComputerSystem.Reset"]);
  out.ethernet_interfaces = root["EthernetInterfaces"].link();
  out.virtual_media = root["VirtualMedia"].link();
  for (const std::string_view name : {"ManagedBy", "Managers"}) {
    for (const View& manager : root["Links"][name].items(8))
      if (std::string path = manager.link(); !path.empty()) out.managers.push_back(std::move(path));
    if (!out.managers.empty()) break;
  }
  return out;
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
  out.insert_target = root["Actions"]["#VirtualMedia.InsertMedia"]["target"].link();
  out.eject_target = root["Actions"]["#VirtualMedia.EjectMedia"]["target"].link();
  out.image = nothing_if_none(root["Image"].text());
  out.connected_via = root["ConnectedVia"].text();
  out.inserted_flag = root["Inserted"].flag();
  return out;
}

}  // namespace metalmesh::redfish
