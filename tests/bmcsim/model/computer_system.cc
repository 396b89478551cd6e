#include "tests/bmcsim/model/computer_system.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/digest.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace json = boost::json;
namespace {

/// What can be set of Boot, and to what; "" is what a request leaves out.
struct Settable {
  std::string_view name;
  std::array<std::string_view, 6> values;
};
constexpr Settable settable[] = {
    {"BootSourceOverrideEnabled", {"", "Disabled", "Once", "Continuous", ""}},
    {"BootSourceOverrideTarget", {"", "None", "Cd", "Hdd", "UefiTarget", "BiosSetup"}},
    {"BootSourceOverrideMode", {"", "UEFI", "", "", ""}},
};

}  // namespace

std::string ComputerSystem::etag() const {
  return "\"" + to_hex(sha256(std::to_string(boot_version_) + host_.boot_override())).substr(0, 12) + "\"";
}

RedfishReply ComputerSystem::answer(const RedfishRequest& request, const std::string& media, MonoTime now) {
  if (request.method == "PATCH") return patch(request, now);
  if (!reads(request)) return error_reply(405, "ActionNotSupported", "GET or PATCH");
  return read(media);
}

RedfishReply ComputerSystem::read(const std::string& media) const {
  json::object value{
      {"@odata.id", "/redfish/v1/Systems/1"},
      {"@odata.type", "#ComputerSystem.v1_20_0.ComputerSystem"},
      {"Id", "1"},
      {"Name", "System"},
      {"SystemType", "Physical"},
      {"UUID", options_.uuid},
      {"SerialNumber", options_.serial},
      {"Manufacturer", "Metalmesh"},
      {"Model", "Simulated Server"},
      {"PowerState", host_.state() == HostState::powering_on ? "PoweringOn"
                     : host_.on()                            ? "On"
                                                             : "Off"},
      {"Status", {{"State", "Enabled"}, {"Health", "OK"}}},
      {"EthernetInterfaces", link("/redfish/v1/Systems/1/EthernetInterfaces")},
      {"LocationIndicatorActive", light_on_},
      {"IndicatorLED", light_on_ ? "Lit" : "Off"},
      {"Boot",
       {{"BootSourceOverrideEnabled", setup_once_ ? "Once" : host_.boot_override()},
        {"BootSourceOverrideTarget", setup_once_                           ? "BiosSetup"
                                     : host_.boot_override() == "Disabled" ? "None"
                                                                           : "Cd"},
        {"BootSourceOverrideMode", "UEFI"},
        {"BootSourceOverrideEnabled@Redfish.AllowableValues", json::array{"Disabled", "Once", "Continuous"}},
        {"BootSourceOverrideTarget@Redfish.AllowableValues",
         json::array{"None", "Cd", "Hdd", "UefiTarget", "BiosSetup"}},
        {"BootSourceOverrideMode@Redfish.AllowableValues", json::array{"UEFI"}}}},
      {"Links",
       {{"ManagedBy", json::array{link("/redfish/v1/Managers/1")}},
        {"Chassis", json::array{link("/redfish/v1/Chassis/1")}}}},
      {"Actions",
       {{"#ComputerSystem.Reset",
         {{"target", "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset"},
          {"ResetType@Redfish.AllowableValues",
           json::array{"On", "ForceOff", "GracefulShutdown", "ForceRestart", "ForceOn", "PowerCycle"}}}}}}};
  if (!media.empty()) value["VirtualMedia"] = link(media);
  if (options_.memory_gib != 0) value["MemorySummary"] = {{"TotalSystemMemoryGiB", options_.memory_gib}};
  if (options_.boot_progress && host_.on()) {
    const bool os = host_.state() == HostState::new_system || host_.state() == HostState::old_system;
    const bool firmware = host_.state() == HostState::post || host_.state() == HostState::powering_on ||
                          host_.state() == HostState::boot_manager;
    value["BootProgress"] = {{"LastState", os         ? "OSRunning"
                                           : firmware ? "PCIResourceConfigStarted"
                                                      : "OSBootStarted"}};
  }
  return json_reply(std::move(value), 200, etag());
}

RedfishReply ComputerSystem::patch(const RedfishRequest& request, MonoTime now) {
  const auto match_tag = header(request.headers, "if-match");
  if (match_tag.empty() && options_.require_if_match)
    return error_reply(428, "PreconditionRequired", "If-Match is needed");
  if (!match_tag.empty() && match_tag != "*" && match_tag != etag())
    return error_reply(412, "PreconditionFailed", "the ETag is not current");
  const auto value = parse_body(request.body);
  const auto member_of = [&](const char* name) {
    return value.is_object() ? value.as_object().if_contains(name) : nullptr;
  };
  const auto* active = member_of("LocationIndicatorActive");
  const auto led = string_at(value, "IndicatorLED");
  if ((active != nullptr && active->is_bool()) || led == "Lit" || led == "Off") {
    light_on_ = active != nullptr ? active->as_bool() : led == "Lit";
    host_.note(now, "light", light_on_ ? "on" : "off");
    return no_content();
  }
  const auto* boot = member_of("Boot");
  if (boot == nullptr || !boot->is_object())
    return error_reply(400, "PropertyMissing", "only Boot and the indicator light can be changed");
  return patch_boot(*boot, now);
}

RedfishReply ComputerSystem::patch_boot(const json::value& boot, MonoTime now) {
  for (const auto& [key, member] : boot.as_object()) {
    const auto* row = std::ranges::find(settable, std::string_view(key), &Settable::name);
    if (row == std::end(settable))
      return error_reply(400, "PropertyUnknown", std::string(key) + " is not a property of Boot");
    const std::string given = string_at(boot, key);
    if (std::ranges::find(row->values, given) == row->values.end())
      return error_reply(400, "PropertyValueNotInList", std::string(key) + ": " + given);
  }
  const auto target = string_at(boot, "BootSourceOverrideTarget");
  const auto enabled = string_at(boot, "BootSourceOverrideEnabled");
  ++boot_version_;
  setup_once_ = target == "BiosSetup" && enabled == "Once";
  if (setup_once_) {
    host_.set_override("Disabled");
    host_.note(now, "boot override", "setup once");
    return no_content();
  }
  const bool to_cd = target == "Cd" || (target.empty() && host_.boot_override() != "Disabled");
  host_.set_override(to_cd && !enabled.empty() ? enabled : "Disabled");
  host_.note(now, "boot override", host_.boot_override());
  return no_content();
}

void ComputerSystem::started(MonoTime now) {
  if (!std::exchange(setup_once_, false)) return;
  ++boot_version_;
  host_.note(now, "starts into setup");
}

RedfishReply ComputerSystem::reset(const RedfishRequest& request, MonoTime now) {
  const auto type = string_at(parse_body(request.body), "ResetType");
  host_.note(now, "reset call", type);
  if (type == "On" || type == "ForceOn") {
    if (host_.on()) return error_reply(409, "ResourceInUse", "the system is on already");
    host_.power_on(now, true);
  } else if (type == "ForceOff" || type == "GracefulShutdown") {
    if (!host_.on()) return error_reply(409, "ResourceInUse", "the system is off already");
    if (type == "ForceOff") {
      host_.power_off(now, true);
    } else {
      host_.shut_down(now);
    }
  } else if (type == "ForceRestart" || type == "PowerCycle") {
    if (!host_.on()) return error_reply(409, "ResourceInUse", "the system is off");
    host_.reset(now, true);
    started(now);
  } else {
    return error_reply(400, "ActionParameterNotSupported", "ResetType: " + type);
  }
  return no_content();
}

}  // namespace metalmesh::bmcsim
