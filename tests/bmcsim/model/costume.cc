#include "tests/bmcsim/model/costume.h"

#include <algorithm>
#include <tuple>

#include "common/base/machine_key.h"
#include "common/text/hex.h"
#include "tests/bmcsim/model/fault.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace {

namespace json = boost::json;

constexpr std::string_view inner_settings = "/redfish/v1/Systems/1/Settings";
constexpr std::string_view inner_manager = "/redfish/v1/Managers/1";
constexpr std::string_view inner_chassis = "/redfish/v1/Chassis/1";
constexpr std::string_view inner_slots = "/redfish/v1/Systems/1/VirtualMedia";
constexpr std::string_view inner_cd = "/redfish/v1/Systems/1/VirtualMedia/Cd";
constexpr std::string_view inner_certificates = "/redfish/v1/Systems/1/VirtualMedia/Cd/Certificates";
constexpr std::string_view inner_service = "/redfish/v1/SessionService";
constexpr std::string_view inner_tasks = "/redfish/v1/TaskService/";
constexpr char nowhere[] = "/redfish/v1/none";

/// RFC 7396, but for null, which is a value that BMCs show.
void merge(json::object& into, const json::object& patch) {
  for (const auto& [key, value] : patch) {
    if (value.is_object() && into.contains(key) && into[key].is_object())
      merge(into[key].as_object(), value.as_object());
    else
      into[key] = value;
  }
}

json::object object_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_object() ? value->as_object() : json::object{};
}

std::string link_at(const json::object& object, std::string_view key) {
  return string_at(object_at(object, key), "@odata.id");
}

std::vector<std::string> texts_at(const json::object& object, std::string_view key) {
  std::vector<std::string> out;
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) return out;
  for (const json::value& each : value->as_array())
    if (each.is_string()) out.emplace_back(each.as_string());
  return out;
}

std::vector<std::string> links_at(const json::object& object, std::string_view key) {
  std::vector<std::string> out;
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) return out;
  for (const json::value& each : value->as_array())
    if (std::string path = string_at(each, "@odata.id"); !path.empty()) out.push_back(std::move(path));
  return out;
}

std::string target_of(const json::object& resource, std::string_view action) {
  return string_at(object_at(object_at(resource, "Actions"), action), "target");
}

bool contains(const std::vector<std::string>& texts, std::string_view text) {
  return std::ranges::find(texts, text) != texts.end();
}

bool takes_cd(const json::object& slot) {
  const auto types = texts_at(slot, "MediaTypes");
  const std::string id = string_at(slot, "Id");
  const bool cd = contains(types, "CD") || contains(types, "DVD") || (types.empty() && id.starts_with("CD"));
  return cd && (!target_of(slot, "#VirtualMedia.InsertMedia").empty() || id.starts_with("EXT"));
}

/// Of one whose label has another number than its board.
std::string board_serial(const std::string& label) { return "BOARD" + label; }

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

Costume::Costume(std::shared_ptr<const Personality> personality, const BmcOptions& machine)
    : personality_(std::move(personality)),
      recorded_(!personality_->tree.empty()),
      label_is_sku_(personality_->label_is_sku) {
  if (!recorded_) return;
  take_names(machine);
  find_system();
  find_slot();
  map(link_at(object_at(at(std::string(service_root)), "Links"), "Sessions"), sessions_path);
  std::ranges::sort(paths_, std::ranges::greater{}, [](const auto& pair) { return pair.first.size(); });
}

/// The system's UUID and number are the machine's, all others are made of them.
void Costume::take_names(const BmcOptions& machine) {
  const json::object system = first_system().second;
  std::map<std::string, std::string> given;
  const auto give = [&](std::string_view recorded, const std::string& own) {
    if (!usable_serial(recorded)) return false;
    given.try_emplace(normal_serial(recorded), own);
    return true;
  };
  const std::string serial = string_at(system, "SerialNumber");
  // It was known by another number than the one under that name.
  const bool by_another = personality_->tree.fault() == "IDENTITY_MISMATCH";
  label_is_sku_ = label_is_sku_ || (by_another && usable_serial(string_at(system, "SKU")));
  if (label_is_sku_) {
    give(string_at(system, "SKU"), machine.serial);
    give(serial, board_serial(machine.serial));
  } else if (!give(serial, machine.serial)) {
    const auto chassis = links_at(object_at(system, "Links"), "Chassis");
    tells_number_ = std::ranges::any_of(chassis, [&](const std::string& path) {
      return give(string_at(at(without_slashes(path)), "SerialNumber"), machine.serial);
    });
  }
  given.try_emplace(normal_uuid(string_at(system, "UUID")), machine.uuid);
  own_ = OwnNames(personality_->tree.names(), machine.uuid, std::move(given));
  for (const std::string& path : personality_->tree.paths())
    if (std::string own = own_.in(path); own != path) recorded_paths_[std::move(own)] = path;
}

std::string Costume::as_recorded(const std::string& path) const {
  if (const auto found = recorded_paths_.find(path); found != recorded_paths_.end()) return found->second;
  return own_.in(path) == path ? path : nowhere;  // with a name that is nobody's any more
}

Costume::Document Costume::recorded(const std::string& path) const {
  const std::string there = as_recorded(path);
  const std::string* body = personality_->tree.at(there);
  const auto patch = personality_->resources.find(there);
  if (body == nullptr && patch == personality_->resources.end()) return std::nullopt;
  Document out;
  if (body != nullptr) {
    const json::value value = parse_body(own_.in(*body));
    if (value.is_object()) out = value.as_object();
  }
  if (patch == personality_->resources.end()) return out;
  if (!out) out.emplace();
  merge(*out, patch->second);
  return out;
}

std::string Costume::mac() const {
  for (const std::string& owner : {system_, manager_}) {
    const std::string list = without_slashes(link_at(at(owner), "EthernetInterfaces"));
    for (const std::string& path : links_at(at(list), "Members")) {
      std::string mac = string_at(at(without_slashes(path)), "MACAddress");
      const bool universal = usable_mac(mac) && hex_value(mac[1]) % 4 == 0;
      if (universal) return mac;
    }
  }
  return {};
}

void Costume::map(std::string outer, std::string_view inner) {
  if (!outer.empty()) paths_.emplace_back(std::move(outer), inner);
}

/// Its path and what it shows: the first one that can be reset and told what to boot.
std::pair<std::string, json::object> Costume::first_system() const {
  std::string list = without_slashes(link_at(at(std::string(service_root)), "Systems"));
  if (list.empty()) list = "/redfish/v1/Systems";
  for (const std::string& path : links_at(at(list), "Members")) {
    json::object each = at(without_slashes(path));
    if (each.contains("Boot") && !target_of(each, "#ComputerSystem.Reset").empty())
      return {without_slashes(path), std::move(each)};
  }
  return {};
}

void Costume::find_system() {
  json::object system;
  std::tie(system_, system) = first_system();
  map(system_, system_path);
  map(target_of(system, "#ComputerSystem.Reset"), reset_path);
  settings_ = link_at(object_at(system, "@Redfish.Settings"), "SettingsObject");
  map(settings_, inner_settings);
  const json::object links = object_at(system, "Links");
  auto managers = links_at(links, "ManagedBy");
  if (managers.empty())
    managers = links_at(at(without_slashes(link_at(at(std::string(service_root)), "Managers"))), "Members");
  if (!managers.empty()) manager_ = without_slashes(managers.front());
  map(manager_, inner_manager);
  map(target_of(at(manager_), "#Manager.Reset"), manager_reset_path);
  if (const auto chassis = links_at(links, "Chassis"); !chassis.empty())
    map(without_slashes(chassis.front()), inner_chassis);

  const json::object boot = object_at(system, "Boot");
  const json::object in_settings = object_at(at(settings_), "Boot");
  has_mode_ = boot.contains("BootSourceOverrideMode") || in_settings.contains("BootSourceOverrideMode");
  constexpr std::string_view targets = "BootSourceOverrideTarget@Redfish.AllowableValues";
  targets_ = texts_at(boot, targets);
  if (targets_.empty()) targets_ = texts_at(in_settings, targets);
  last_progress_ = string_at(object_at(system, "BootProgress"), "LastState");
  const json::object reset = object_at(object_at(system, "Actions"), "#ComputerSystem.Reset");
  resets_ = texts_at(reset, "ResetType@Redfish.AllowableValues");
  if (!resets_.empty()) return;
  const json::object info = at(without_slashes(string_at(reset, "@Redfish.ActionInfo")));
  const json::value* parameters = info.if_contains("Parameters");
  if (parameters == nullptr || !parameters->is_array()) return;
  for (const json::value& each : parameters->as_array())
    if (string_at(each, "Name") == "ResetType") resets_ = texts_at(each.as_object(), "AllowableValues");
}

void Costume::find_slot() {
  std::vector<std::string> lists;
  for (const std::string& owner : {system_, manager_})
    if (std::string list = without_slashes(link_at(at(owner), "VirtualMedia")); !list.empty())
      lists.push_back(std::move(list));
  std::vector<std::string> all;
  for (const std::string& list : lists) {
    map(list, inner_slots);
    std::ranges::copy(links_at(at(list), "Members"), std::back_inserter(all));
  }
  const auto first =
      std::ranges::find_if(all, [&](const auto& path) { return takes_cd(at(without_slashes(path))); });
  if (first == all.end()) return;
  slot_ = without_slashes(*first);
  for (const std::string& path : all)  // one set for all of them
    map(without_slashes(link_at(at(without_slashes(path)), "Certificates")), inner_certificates);
  for (const std::string& path : all) {  // the same slot is listed in two places
    if (last_part(without_slashes(path)) != last_part(slot_)) continue;
    const json::object slot = at(without_slashes(path));
    map(without_slashes(path), inner_cd);
    map(target_of(slot, "#VirtualMedia.InsertMedia"),
        std::string(inner_cd) + "/Actions/VirtualMedia.InsertMedia");
    map(target_of(slot, "#VirtualMedia.EjectMedia"),
        std::string(inner_cd) + "/Actions/VirtualMedia.EjectMedia");
  }
}

bool Costume::has_certificates() const { return has_slot() && !link_at(at(slot_), "Certificates").empty(); }

std::optional<RedfishReply> Costume::replayed(const RedfishRequest& request) {
  const std::string what = request.method + " " + as_recorded(request.path);
  const auto& said = personality_->tree.said(what);
  if (said.empty()) return std::nullopt;
  auto& [index, times] = replayed_[what];
  const RecordedAnswer& answer = said[index];
  if (++times >= answer.times && index + 1 < said.size()) {
    ++index;
    times = 0;
  }
  if (answer.status / 100 == 2) return std::nullopt;
  RedfishReply reply;
  reply.status = answer.status;
  reply.drop = answer.status == 0;
  reply.headers = {{"Content-Type", "application/json"}};
  reply.body = own_.in(answer.body);
  reply.delay = answer.took;
  return reply;
}

std::optional<RedfishReply> Costume::refused_boot(const RedfishRequest& request) const {
  const json::value body = parse_body(request.body);
  if (!body.is_object()) return std::nullopt;
  const json::object boot = object_at(body.as_object(), "Boot");
  if (boot.contains("BootSourceOverrideMode") && !has_mode_)
    return error_reply(
        400, "PropertyUnknown",
        "The property BootSourceOverrideMode is not in the list of valid properties for the resource.");
  const std::string target = string_at(boot, "BootSourceOverrideTarget");
  if (target.empty() || targets_.empty() || contains(targets_, target)) return std::nullopt;
  return error_reply(
      400, "PropertyValueNotInList",
      "The value " + target + " for BootSourceOverrideTarget is not in the list of acceptable values.");
}

std::optional<RedfishReply> Costume::refused_reset(RedfishRequest& request, bool host_on) const {
  const std::string type = string_at(parse_body(request.body), "ResetType");
  if (!resets_.empty() && !contains(resets_, type))
    return error_reply(400, "ActionParameterNotSupported", "ResetType: " + type);
  const auto as = [&](std::string_view known) {
    request.body = json::serialize(json::object{{"ResetType", known}});
  };
  if (type == "PushPowerButton") as(host_on ? "GracefulShutdown" : "On");
  if (type == "GracefulRestart") as("ForceRestart");
  return std::nullopt;
}

std::optional<RedfishReply> Costume::inward(RedfishRequest& request, bool host_on) {
  if (!recorded_) return std::nullopt;
  if (auto reply = replayed(request)) return reply;
  const std::string asked = request.path;
  const bool slash = asked.size() > 1 && asked.ends_with('/');
  const std::string path = without_slashes(asked);
  const auto found = std::ranges::find_if(
      paths_, [&](const auto& pair) { return path == pair.first || path.starts_with(pair.first + "/"); });
  if (found != paths_.end()) {
    request.path = found->second + path.substr(found->first.size()) + (slash ? "/" : "");
  } else if (path.starts_with(std::string(service_root) + "/") && !path.starts_with(inner_service) &&
             !path.starts_with(inner_tasks) && personality_->tree.at(as_recorded(path)) == nullptr) {
    request.path = nowhere;
  }
  for (auto& [name, value] : request.headers)
    if (name == "if-match" && value.starts_with("W/")) value.erase(0, 2);  // the model's own are strong
  const std::string inner = without_slashes(request.path);
  if (request.method == "PATCH" && (inner == system_path || inner == inner_settings))
    return refused_boot(request);
  if (request.method == "POST" && inner == reset_path) return refused_reset(request, host_on);
  return std::nullopt;
}

void Costume::lay_over_boot(const json::object& live, json::object& shown) const {
  json::object boot = object_at(shown, "Boot");
  const bool had = boot.contains("BootSourceOverrideEnabled");
  const std::string enabled = string_at(live, "BootSourceOverrideEnabled");
  const bool rests = enabled == "Disabled";
  if (rests && had && string_at(boot, "BootSourceOverrideEnabled") != "Once") return;  // as it was recorded
  boot["BootSourceOverrideEnabled"] = enabled;
  boot["BootSourceOverrideTarget"] = string_at(live, "BootSourceOverrideTarget");
  if (!rests && boot.contains("BootSourceOverrideMode"))
    boot["BootSourceOverrideMode"] = string_at(live, "BootSourceOverrideMode");
  shown["Boot"] = std::move(boot);
}

void Costume::lay_over_system(const json::object& live, json::object& shown) const {
  if (const json::value* power = live.if_contains("PowerState")) shown["PowerState"] = *power;
  // As the model tells it, and its faults: that may be another's.
  if (shown.contains("UUID")) shown["UUID"] = string_at(live, "UUID");
  const std::string serial = string_at(live, "SerialNumber");
  if (label_is_sku_) {
    shown["SKU"] = serial;
    shown["SerialNumber"] = board_serial(serial);
  } else if (usable_serial(string_at(shown, "SerialNumber"))) {
    shown["SerialNumber"] = serial;
  }
  lay_over_boot(object_at(live, "Boot"), shown);
  if (!tells_progress()) return;
  const std::string told = string_at(object_at(live, "BootProgress"), "LastState");
  json::object progress = object_at(shown, "BootProgress");
  progress["LastState"] = told.empty() ? "None" : told == "OSRunning" ? last_progress_ : told;
  shown["BootProgress"] = std::move(progress);
}

void Costume::lay_over(const RedfishRequest& inner, const json::object& live, json::object& shown) const {
  const std::string path = without_slashes(inner.path);
  if (path == system_path) return lay_over_system(live, shown);
  if (path == inner_settings) return lay_over_boot(object_at(live, "Boot"), shown);
  if (path == inner_cd) {
    const bool inserted = live.contains("Inserted") && live.at("Inserted") == true;
    const bool was_empty = !shown.contains("Inserted") || shown.at("Inserted") != true;
    if (!inserted && was_empty) return;  // as it was recorded
    for (const char* name : {"Inserted", "Image", "ConnectedVia"})
      if (const json::value* value = live.if_contains(name)) shown[name] = *value;
    const bool offers = !target_of(shown, "#VirtualMedia.InsertMedia").empty();
    if (inserted && offers && target_of(shown, "#VirtualMedia.EjectMedia").empty())
      shown["Actions"].as_object()["#VirtualMedia.EjectMedia"] = {
          {"target", string_at(shown, "@odata.id") + "/Actions/VirtualMedia.EjectMedia"}};
    return;
  }
  // What is gone for a while, is gone here, too.
  const json::value* members = live.if_contains("Members");
  if (members != nullptr && members->is_array() && members->as_array().empty() && shown.contains("Members")) {
    shown["Members"] = json::array{};
    shown["Members@odata.count"] = 0;
  }
}

void Costume::outward(const RedfishRequest& asked, const RedfishRequest& inner, RedfishReply& reply) const {
  for (auto& [name, value] : reply.headers) {
    if (name != "Location") continue;
    for (const auto& [outer, mine] : paths_)
      if (value.starts_with(mine)) value.replace(0, mine.size(), outer);
  }
  const std::string path = without_slashes(asked.path);
  const std::string inner_path = without_slashes(inner.path);
  const bool own = inner_path.starts_with(std::string(inner_service) + "/") ||
                   inner_path.starts_with(inner_tasks) || inner_path.starts_with(inner_certificates);
  if (recorded_ && inner_path.starts_with(inner_certificates)) {
    const std::string outer = path.substr(0, path.size() - (inner_path.size() - inner_certificates.size()));
    for (auto at = reply.body.find(inner_certificates); at != std::string::npos;
         at = reply.body.find(inner_certificates, at + outer.size()))
      reply.body.replace(at, inner_certificates.size(), outer);
  }
  if (!reads(asked) || own || (reply.status != 200 && reply.status != 404)) return;
  const json::value live = parse_body(reply.body);
  if (!live.is_object()) return;  // a fault's
  Document shown;
  if (recorded_) {
    shown = recorded(path);
    if (!shown && reply.status == 200 && inner_path != inner_settings) reply = no_such_resource();
    if (shown && reply.status == 200) lay_over(inner, live.as_object(), *shown);
  } else if (const auto patch = personality_->resources.find(path); patch != personality_->resources.end()) {
    shown = reply.status == 200 ? live.as_object() : json::object{};
    merge(*shown, patch->second);
    if (label_is_sku_ && path == system_path) lay_over_system(live.as_object(), *shown);
  }
  if (!shown) return;
  std::string etag = header(reply.headers, "ETag");
  std::erase_if(reply.headers, [](const auto& field) { return field.first == "ETag"; });
  if (!recorded_ || shown->contains("@odata.etag")) {
    if (etag.empty()) etag = string_at(*shown, "@odata.etag");
    if (string_at(*shown, "@odata.etag").starts_with("W/") && !etag.starts_with("W/")) etag.insert(0, "W/");
    if (shown->contains("@odata.etag")) (*shown)["@odata.etag"] = etag;
    if (!etag.empty()) reply.headers.emplace_back("ETag", etag);
  }
  if (reply.status == 404)
    reply = json_reply(std::move(*shown), 200, etag);
  else
    reply.body = json::serialize(*shown);
}

}  // namespace metalmesh::bmcsim
