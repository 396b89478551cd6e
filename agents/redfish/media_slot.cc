#include "agents/redfish/media_slot.h"

#include <algorithm>
#include <string>

#include "common/text/letters.h"

namespace metalmesh::redfish {
namespace {

std::string_view last_segment(std::string_view url) {
  const auto slash = url.rfind('/');
  return slash == std::string_view::npos ? url : url.substr(slash + 1);
}

/// "https://10.0.0.5:8443" -> "10.0.0.5"
std::string_view host_of(std::string_view base) {
  if (const auto scheme = base.find("://"); scheme != std::string_view::npos) base.remove_prefix(scheme + 3);
  if (base.starts_with('[')) return base.substr(0, base.find(']'));
  return base.substr(0, base.find_first_of(":/"));
}

bool offers(const Slot& slot, std::string_view type) {
  return std::find(slot.media_types.begin(), slot.media_types.end(), type) != slot.media_types.end();
}

bool is_called(const Slot& slot, std::string_view part) {
  return to_lower(slot.id).find(part) != std::string::npos ||
         to_lower(slot.name).find(part) != std::string::npos;
}

}  // namespace

bool holds_cd(const Slot& slot) {
  if (!slot.media_types.empty()) return offers(slot, "CD") || offers(slot, "DVD");
  return is_called(slot, "cd");
}

bool holds_stick(const Slot& slot) {
  if (!slot.media_types.empty()) return offers(slot, "USBStick");
  return is_called(slot, "usb") || is_called(slot, "removable");
}

InsertStyle insert_style(const Slot& slot) {
  if (!slot.insert_target.empty()) return InsertStyle::action;
  if (!slot.vmm_control.empty()) return InsertStyle::vmm;
  if (slot.eject_target.empty() && to_lower(slot.id).starts_with("ext")) return InsertStyle::patch;
  return InsertStyle::none;
}

bool takes_cd(const Slot& slot) { return holds_cd(slot) && insert_style(slot) != InsertStyle::none; }

bool is_inserted(const Slot& slot) {
  if (slot.inserted_flag.has_value()) return *slot.inserted_flag;
  const bool connected = !slot.connected_via.empty() && slot.connected_via != "NotConnected";
  return connected || (slot.connected_via.empty() && !slot.image.empty());
}

bool shows_image(const Slot& slot, std::string_view url) {
  const std::string_view name = last_segment(url);
  return !name.empty() && to_lower(last_segment(slot.image)) == to_lower(name);
}

bool shows_ours(const Slot& slot, std::string_view base) {
  const std::string image = to_lower(slot.image);
  const std::string host = to_lower(host_of(base));
  return !host.empty() && image.find(host) != std::string::npos && image.find("/m/") != std::string::npos;
}

}  // namespace metalmesh::redfish
