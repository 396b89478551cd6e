#include "agents/redfish/requests.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "agents/redfish/media_slot.h"

namespace metalmesh::redfish {
namespace {

namespace json = boost::json;

Request make(std::string method, std::string path, const std::optional<json::object>& body = {}) {
  Request out{std::move(method),
              std::move(path),
              {{"OData-Version", "4.0"}, {"Accept", "application/json"}},
              "",
              false};
  // Compressed replies turn ETags weak, and then If-Match fails.
  out.headers.emplace_back("Accept-Encoding", "identity");
  if (body) {
    out.headers.emplace_back("Content-Type", "application/json");
    out.body = json::serialize(*body);
  }
  return out;
}

constexpr char setup_target[] = "BiosSetup";

json::string text(std::string_view value) { return json::string(value.data(), value.size()); }

std::string boot_uri(const System& system) { return system.boot.uri.empty() ? system.uri : system.boot.uri; }

void add_if_match(Request& request, const std::optional<std::string>& if_match) {
  if (if_match) request.headers.emplace_back("If-Match", *if_match);
}

}  // namespace

Request get(std::string path) { return make("GET", std::move(path)); }

Request login(std::string sessions_uri, std::string_view domain) {
  json::object body{{"UserName", credential_user_placeholder}, {"Password", credential_password_placeholder}};
  if (const auto equals = domain.find('='); equals != std::string_view::npos)
    body["Oem"] =
        json::object{{domain.substr(0, equals), json::object{{"Domain", text(domain.substr(equals + 1))}}}};
  Request out = make("POST", std::move(sessions_uri), body);
  out.login = true;
  return out;
}

Request remove(std::string uri) { return make("DELETE", std::move(uri)); }

Request set_date_time(const std::string& manager, const std::string& date_time,
                      const std::optional<std::string>& if_match) {
  Request out = make("PATCH", manager, json::object{{"DateTime", date_time}});
  add_if_match(out, if_match);
  return out;
}

Request insert_media(const Slot& slot, std::string_view url, InsertExtras extras,
                     const std::optional<std::string>& if_match) {
  if (insert_style(slot) == InsertStyle::vmm)
    return make("POST", slot.vmm_control, json::object{{"VmmControlType", "Connect"}, {"Image", text(url)}});
  json::object body{{"Image", text(url)}};
  if (extras.protocol) body["TransferProtocolType"] = url.starts_with("https:") ? "HTTPS" : "HTTP";
  if (extras.method) body["TransferMethod"] = "Stream";
  if (extras.credentials) {
    body["UserName"] = "none";
    body["Password"] = "none";
  }
  if (insert_style(slot) == InsertStyle::action) return make("POST", slot.insert_target, body);
  // Refused by some as action parameters, wanted by those that are written.
  body["Inserted"] = true;
  body["WriteProtected"] = true;
  Request out = make("PATCH", slot.uri, body);
  add_if_match(out, if_match);
  return out;
}

Request eject_media(const Slot& slot, const std::optional<std::string>& if_match, EjectForm form) {
  if (insert_style(slot) == InsertStyle::vmm && slot.eject_target.empty() && form != EjectForm::patch)
    return make("POST", slot.vmm_control, json::object{{"VmmControlType", "Disconnect"}});
  const bool no_actions = slot.insert_target.empty() && slot.eject_target.empty();
  if (form == EjectForm::patch || no_actions) {
    Request out = make("PATCH", slot.uri, json::object{{"Image", nullptr}, {"Inserted", false}});
    add_if_match(out, if_match);
    return out;
  }
  const std::string standard = slot.uri + "/Actions/VirtualMedia.EjectMedia";
  const std::string& target = slot.eject_target.empty() ? standard : slot.eject_target;
  return form == EjectForm::bare ? make("POST", target) : make("POST", target, json::object{});
}

Request invoke(std::string action, const std::map<std::string, std::string>& arguments) {
  json::object body;
  for (const auto& [name, value] : arguments) body[name] = text(value);
  return make("POST", std::move(action), body);
}

Request import_certificate(std::string collection, std::string_view pem) {
  return make("POST", std::move(collection),
              json::object{{"CertificateString", text(pem)}, {"CertificateType", "PEM"}});
}

std::string_view cd_target(const Boot& boot, unsigned tried) {
  std::vector<std::string_view> choice;
  const auto offer = [&](std::string_view target, bool known) {
    const bool offered = std::ranges::find(boot.targets, target) != boot.targets.end();
    if ((known || offered) && std::ranges::find(choice, target) == choice.end()) choice.push_back(target);
  };
  if (!boot.preferred.empty()) offer(boot.preferred, boot.targets.empty());
  for (const std::string_view target : {"Cd", "UsbCd", "UefiUsbCd", "UefiCd"}) offer(target, false);
  if (choice.empty() || boot.targets.empty()) offer("Cd", true);
  return choice[tried % choice.size()];
}

bool boots_our_cd(const Boot& boot, unsigned tried) {
  const bool taken = boot.enabled == "Once" || (boot.may_stay && boot.enabled == "Continuous");
  return taken && boot.target == cd_target(boot, tried);
}

Request boot_once(const System& system, bool with_mode, const std::optional<std::string>& if_match,
                  unsigned tried) {
  json::object boot{{"BootSourceOverrideEnabled", "Once"},
                    {"BootSourceOverrideTarget", text(cd_target(system.boot, tried))}};
  if (with_mode) boot["BootSourceOverrideMode"] = "UEFI";
  Request out = make("PATCH", boot_uri(system), json::object{{"Boot", std::move(boot)}});
  add_if_match(out, if_match);
  return out;
}

Request clear_boot(const System& system, const std::optional<std::string>& if_match) {
  Request out = make("PATCH", boot_uri(system),
                     json::object{{"Boot", json::object{{"BootSourceOverrideEnabled", "Disabled"}}}});
  add_if_match(out, if_match);
  return out;
}

Request reset(const ResetAction& action, std::string_view type) {
  return make("POST", action.target, json::object{{"ResetType", text(type)}});
}

Request set_light(const System& system, bool on, const std::optional<std::string>& if_match) {
  Request out = make("PATCH", system.uri,
                     system.light.active ? json::object{{"LocationIndicatorActive", on}}
                                         : json::object{{"IndicatorLED", on ? "Lit" : "Off"}});
  add_if_match(out, if_match);
  return out;
}

Request boot_setup_once(const System& system, const std::optional<std::string>& if_match) {
  Request out = make("PATCH", boot_uri(system),
                     json::object{{"Boot", json::object{{"BootSourceOverrideEnabled", "Once"},
                                                        {"BootSourceOverrideTarget", setup_target}}}});
  add_if_match(out, if_match);
  return out;
}

bool boots_setup(const Boot& boot) {
  const bool taken = boot.enabled == "Once" || (boot.may_stay && boot.enabled == "Continuous");
  return taken && boot.target == setup_target;
}

bool lacks_setup(const Boot& boot) {
  constexpr std::array<std::string_view, 4> usual = {"None", "Pxe", "Hdd", "Cd"};
  return std::ranges::find(boot.targets, setup_target) == boot.targets.end() &&
         std::ranges::any_of(boot.targets, [&](const std::string& target) {
           return std::ranges::find(usual, target) != usual.end();
         });
}

bool may_shut_down(const ResetAction& action) {
  constexpr std::array<std::string_view, 2> gentle = {"GracefulShutdown", "PushPowerButton"};
  return action.allowed.empty() || std::ranges::any_of(action.allowed, [&](const std::string& type) {
           return std::ranges::find(gentle, type) != gentle.end();
         });
}

std::string_view pick_reset(const ResetAction& action, const std::vector<std::string_view>& wanted) {
  for (const std::string_view type : wanted)
    if (std::find(action.allowed.begin(), action.allowed.end(), type) != action.allowed.end()) return type;
  return wanted.front();
}

std::vector<std::optional<std::string>> if_match_ladder(std::string_view etag) {
  std::vector<std::optional<std::string>> out;
  const auto add = [&](std::string_view value) {
    if (!value.empty() && std::find(out.begin(), out.end(), std::string(value)) == out.end())
      out.emplace_back(value);
  };
  if (etag.empty()) out.emplace_back(std::nullopt);
  add(etag);
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  add(etag);
  if (etag.size() > 2 && etag.starts_with('"') && etag.ends_with('"')) add(etag.substr(1, etag.size() - 2));
  out.emplace_back("*");
  if (out.front().has_value()) out.emplace_back(std::nullopt);
  return out;
}

}  // namespace metalmesh::redfish
