#include "tests/bmcsim/model/bmc_model.h"

#include <algorithm>
#include <boost/json.hpp>

#include "common/base/digest.h"
#include "tests/bmcsim/model/timer_host.h"

namespace metalmesh::bmcsim {
namespace json = boost::json;
namespace {

constexpr std::string_view root = "/redfish/v1";
constexpr std::size_t most_asked = 256;  // requests remembered one by one

std::string header(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

RedfishReply body(json::value value, int status = 200, std::string etag = {}) {
  RedfishReply reply;
  reply.status = status;
  reply.headers = {{"Content-Type", "application/json"}, {"OData-Version", "4.0"}};
  if (!etag.empty()) reply.headers.emplace_back("ETag", std::move(etag));
  reply.body = json::serialize(value);
  return reply;
}

RedfishReply error(int status, std::string_view id, std::string_view message) {
  const std::string full = "Base.1.13." + std::string(id);
  return body({{"error",
                {{"code", full},
                 {"message", message},
                 {"@Message.ExtendedInfo", json::array{json::object{{"MessageId", full},
                                                                    {"Message", message},
                                                                    {"Severity", "Critical"},
                                                                    {"Resolution", "See the message."}}}}}}},
              status);
}

RedfishReply no_content() {
  RedfishReply reply;
  reply.status = 204;
  return reply;
}

json::object link(std::string_view path) { return {{"@odata.id", path}}; }

json::value collection(std::string_view path, std::string_view type, std::string_view name,
                       const std::vector<std::string>& members) {
  json::array list;
  for (const auto& member : members) list.emplace_back(link(member));
  return {{"@odata.id", path},
          {"@odata.type", std::string("#") + std::string(type) + "." + std::string(type)},
          {"Name", name},
          {"Members@odata.count", members.size()},
          {"Members", std::move(list)}};
}

constexpr std::string_view stranger = "somebody else";

std::string base64_decode(std::string_view text) {
  static constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos) break;
    buffer = buffer << 6 | static_cast<unsigned>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>(buffer >> bits & 0xff);
    }
  }
  return out;
}

Op op_of(const RedfishRequest& request) {
  const auto ends = [&](std::string_view suffix) { return request.path.ends_with(suffix); };
  if (request.method == "POST" && ends("/Sessions")) return Op::login;
  if (request.method == "DELETE") return Op::logout;
  if (request.method == "POST" && ends("VirtualMedia.InsertMedia")) return Op::insert;
  if (request.method == "POST" && ends("VirtualMedia.EjectMedia")) return Op::eject;
  if (request.method == "POST" && ends("ComputerSystem.Reset")) return Op::reset;
  if (request.method == "PATCH" && ends("/Systems/1")) return Op::patch_boot;
  return Op::read;
}

json::value parse(const std::string& text) {
  boost::system::error_code ec;
  auto value = json::parse(text, ec);
  return ec ? json::value() : value;
}

std::string string_at(const json::value& value, std::string_view key) {
  if (!value.is_object()) return {};
  const auto* member = value.as_object().if_contains(key);
  return member && member->is_string() ? std::string(member->as_string()) : std::string();
}

}  // namespace

std::string_view to_string(Op op) {
  static constexpr std::string_view names[] = {"read",  "login",      "logout", "insert",
                                               "eject", "patch_boot", "reset"};
  return names[static_cast<int>(op)];
}

bool parse_op(std::string_view text, Op& op) {
  for (const Op candidate :
       {Op::read, Op::login, Op::logout, Op::insert, Op::eject, Op::patch_boot, Op::reset}) {
    if (to_string(candidate) == text) {
      op = candidate;
      return true;
    }
  }
  return false;
}

BmcModel::BmcModel(BmcOptions options)
    : BmcModel(std::move(options), [](const BmcOptions& kept) { return std::make_unique<TimerHost>(kept); }) {
}

BmcModel::BmcModel(BmcOptions options, const MakeHost& make_host)
    : options_(std::move(options)), host_(make_host(options_)) {}

std::optional<MonoTime> BmcModel::next_due() const { return host_->next_due(); }

std::vector<HostWish> BmcModel::advance(MonoTime now) { return host_->advance(now); }

void BmcModel::answered(std::uint64_t ticket, int status, std::string_view bytes, std::uint64_t size,
                        MonoTime now) {
  host_->answered(ticket, status, bytes, size, now);
}

std::string BmcModel::media_root() const {
  return std::string(root) +
         (options_.media_under_systems ? "/Systems/1/VirtualMedia" : "/Managers/1/VirtualMedia");
}

std::string BmcModel::system_etag() const {
  return "\"" + to_hex(sha256(std::to_string(boot_version_) + host_->boot_override())).substr(0, 12) + "\"";
}

bool BmcModel::authorized(const RedfishRequest& request) const {
  if (const auto token = header(request.headers, "x-auth-token"); !token.empty()) {
    return std::ranges::any_of(sessions_, [&](const auto& entry) { return entry.second.token == token; });
  }
  const auto basic = header(request.headers, "authorization");
  if (!basic.starts_with("Basic ")) return false;
  return base64_decode(std::string_view(basic).substr(6)) == options_.user + ":" + options_.password;
}

FaultRule* BmcModel::match(Op op, const RedfishRequest& request, FaultRule::When when) {
  for (auto& rule : faults_) {
    if (rule.op != op || rule.when != when || rule.times == 0) continue;
    if (!rule.reset_type.empty() && string_at(parse(request.body), "ResetType") != rule.reset_type) continue;
    if (rule.nth > 1) {
      --rule.nth;
      continue;
    }
    --rule.times;
    return &rule;
  }
  return nullptr;
}

RedfishReply BmcModel::handle(const RedfishRequest& request, MonoTime now) {
  ++requests_;
  settle_tasks(now);
  if (asked_.size() < most_asked) asked_.push_back({now, request.method + " " + request.path});
  const Op op = op_of(request);
  const auto disturbed = [&](const FaultRule& rule) {
    host_->note(now, "fault",
                std::string(to_string(op)) + (rule.when == FaultRule::When::before ? " before" : " after"));
    if (rule.action == FaultRule::Action::status)
      return error(rule.status, "GeneralError", "simulated fault");
    RedfishReply reply;
    reply.drop = true;
    reply.kill = rule.action == FaultRule::Action::kill;
    return reply;
  };
  if (const auto* rule = match(op, request, FaultRule::When::before)) return disturbed(*rule);
  auto reply = dispatch(request, now);
  if (const auto* rule = match(op, request, FaultRule::When::after)) return disturbed(*rule);
  return reply;
}

RedfishReply BmcModel::dispatch(const RedfishRequest& request, MonoTime now) {
  std::string path = request.path;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (path == "/redfish") return body({{"v1", "/redfish/v1/"}});
  if (path == root && get) {
    return body({{"@odata.id", "/redfish/v1/"},
                 {"@odata.type", "#ServiceRoot.v1_15_0.ServiceRoot"},
                 {"Id", "RootService"},
                 {"Name", "Root Service"},
                 {"RedfishVersion", "1.17.0"},
                 {"UUID", options_.uuid},
                 {"Vendor", "Metalmesh"},
                 {"Product", "bmcsim"},
                 {"Systems", link("/redfish/v1/Systems")},
                 {"Managers", link("/redfish/v1/Managers")},
                 {"SessionService", link("/redfish/v1/SessionService")},
                 {"Tasks", link("/redfish/v1/TaskService")},
                 {"Links", {{"Sessions", link("/redfish/v1/SessionService/Sessions")}}}});
  }
  if (request.method == "POST" && path == "/redfish/v1/SessionService/Sessions") return login(request, now);
  if (!path.starts_with("/redfish/v1/")) return error(404, "ResourceMissingAtURI", "no such resource");
  if (path == "/redfish/v1/odata" && get) {
    return body({{"@odata.context", "/redfish/v1/$metadata"}, {"value", json::array{}}});
  }
  if (!authorized(request)) return error(401, "NoValidSession", "a session or credentials are needed");

  const std::string rest = path.substr(root.size());
  if (rest == "/SessionService" && get) {
    return body({{"@odata.id", path},
                 {"@odata.type", "#SessionService.v1_1_8.SessionService"},
                 {"Id", "SessionService"},
                 {"Name", "Session Service"},
                 {"ServiceEnabled", true},
                 {"SessionTimeout", 1800},
                 {"Sessions", link(path + "/Sessions")}});
  }
  if (rest == "/SessionService/Sessions" && get) {
    std::vector<std::string> members;
    for (const auto& [id, session] : sessions_) members.push_back(path + "/" + id);
    return body(collection(path, "SessionCollection", "Sessions", members));
  }
  if (rest.starts_with("/SessionService/Sessions/")) {
    const auto id = rest.substr(25);
    if (request.method == "DELETE") return logout(id, now);
    const auto it = sessions_.find(id);
    if (it == sessions_.end()) return error(404, "ResourceMissingAtURI", "no such session");
    return body({{"@odata.id", path},
                 {"@odata.type", "#Session.v1_6_0.Session"},
                 {"Id", id},
                 {"Name", "Session"},
                 {"UserName", it->second.user}});
  }
  if (rest == "/Systems" && get)
    return body(collection(path, "ComputerSystemCollection", "Systems", {path + "/1"}));
  if (rest == "/Systems/1/Actions/ComputerSystem.Reset" && request.method == "POST")
    return reset(request, now);
  if (rest == "/Systems/1") return system(request, now);
  if (rest == "/Systems/1/EthernetInterfaces" && get) {
    std::vector<std::string> members;
    for (std::size_t i = 0; i < options_.macs.size(); ++i)
      members.push_back(path + "/" + std::to_string(i + 1));
    return body(collection(path, "EthernetInterfaceCollection", "NICs", members));
  }
  if (rest.starts_with("/Systems/1/EthernetInterfaces/") && get) {
    const auto index = static_cast<std::size_t>(std::atoi(rest.substr(30).c_str()));
    if (index < 1 || index > options_.macs.size())
      return error(404, "ResourceMissingAtURI", "no such interface");
    return body({{"@odata.id", path},
                 {"@odata.type", "#EthernetInterface.v1_9_0.EthernetInterface"},
                 {"Id", std::to_string(index)},
                 {"Name", "NIC"},
                 {"MACAddress", options_.macs[index - 1]},
                 {"PermanentMACAddress", options_.macs[index - 1]}});
  }
  if (rest == "/Managers" && get)
    return body(collection(path, "ManagerCollection", "Managers", {path + "/1"}));
  if (rest == "/Managers/1" && get) {
    json::object manager{{"@odata.id", path},
                         {"@odata.type", "#Manager.v1_17_0.Manager"},
                         {"Id", "1"},
                         {"Name", "BMC"},
                         {"ManagerType", "BMC"},
                         {"Model", "bmcsim"},
                         {"FirmwareVersion", "1.0.0"},
                         {"UUID", options_.uuid},
                         {"Status", {{"State", "Enabled"}, {"Health", "OK"}}},
                         {"Links", {{"ManagerForServers", json::array{link("/redfish/v1/Systems/1")}}}}};
    if (options_.has_virtual_media) manager["VirtualMedia"] = link(media_root());
    return body(std::move(manager));
  }
  if (options_.has_virtual_media && path.starts_with(media_root())) {
    return media(request, path.substr(media_root().size()), now);
  }
  if (rest.starts_with("/TaskService")) return task(path, now);
  return error(404, "ResourceMissingAtURI", "no such resource");
}

RedfishReply BmcModel::login(const RedfishRequest& request, MonoTime now) {
  const auto value = parse(request.body);
  if (string_at(value, "UserName") != options_.user || string_at(value, "Password") != options_.password) {
    host_->note(now, "login refused", string_at(value, "UserName"));
    return error(401, "ResourceAtUriUnauthorized", "user name or password is wrong");
  }
  if (sessions_.size() >= options_.max_sessions) {
    return error(503, "SessionLimitExceeded", "the session limit is reached");
  }
  const auto id = std::to_string(next_id_++);
  // The name makes it unguessable enough for a simulation, and reproducible.
  const auto token = "secret-" + to_hex(sha256(options_.uuid + "/" + id));
  sessions_[id] = {token, options_.user};
  const auto path = "/redfish/v1/SessionService/Sessions/" + id;
  auto reply = body({{"@odata.id", path},
                     {"@odata.type", "#Session.v1_6_0.Session"},
                     {"Id", id},
                     {"Name", "Session"},
                     {"UserName", options_.user}},
                    201);
  reply.headers.emplace_back("X-Auth-Token", token);
  reply.headers.emplace_back("Location", path);
  return reply;
}

RedfishReply BmcModel::logout(const std::string& id, MonoTime) {
  return sessions_.erase(id) ? no_content() : error(404, "ResourceMissingAtURI", "no such session");
}

RedfishReply BmcModel::system(const RedfishRequest& request, MonoTime now) {
  if (request.method == "PATCH") return patch_boot(request, now);
  if (request.method != "GET" && request.method != "HEAD")
    return error(405, "ActionNotSupported", "GET or PATCH");
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
      {"PowerState", host_->state() == HostState::powering_on ? "PoweringOn"
                     : host_->on()                            ? "On"
                                                              : "Off"},
      {"Status", {{"State", "Enabled"}, {"Health", "OK"}}},
      {"EthernetInterfaces", link("/redfish/v1/Systems/1/EthernetInterfaces")},
      {"Boot",
       {{"BootSourceOverrideEnabled", host_->boot_override()},
        {"BootSourceOverrideTarget", host_->boot_override() == "Disabled" ? "None" : "Cd"},
        {"BootSourceOverrideMode", "UEFI"},
        {"BootSourceOverrideEnabled@Redfish.AllowableValues", json::array{"Disabled", "Once", "Continuous"}},
        {"BootSourceOverrideTarget@Redfish.AllowableValues", json::array{"None", "Cd", "Hdd", "UefiTarget"}},
        {"BootSourceOverrideMode@Redfish.AllowableValues", json::array{"UEFI"}}}},
      {"Links", {{"ManagedBy", json::array{link("/redfish/v1/Managers/1")}}}},
      {"Actions",
       {{"#ComputerSystem.Reset",
         {{"target", "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset"},
          {"ResetType@Redfish.AllowableValues",
           json::array{"On", "ForceOff", "GracefulShutdown", "ForceRestart", "ForceOn"}}}}}}};
  if (options_.has_virtual_media && options_.media_under_systems) value["VirtualMedia"] = link(media_root());
  if (options_.boot_progress && host_->on()) {
    const bool os = host_->state() == HostState::new_system || host_->state() == HostState::old_system;
    value["BootProgress"] = {{"LastState", os ? "OSRunning" : "OSBootStarted"}};
  }
  return body(std::move(value), 200, system_etag());
}

RedfishReply BmcModel::patch_boot(const RedfishRequest& request, MonoTime now) {
  const auto match_tag = header(request.headers, "if-match");
  if (match_tag.empty() && options_.require_if_match)
    return error(428, "PreconditionRequired", "If-Match is needed");
  if (!match_tag.empty() && match_tag != "*" && match_tag != system_etag()) {
    return error(412, "PreconditionFailed", "the ETag is not current");
  }
  const auto value = parse(request.body);
  const auto* boot = value.is_object() ? value.as_object().if_contains("Boot") : nullptr;
  if (boot == nullptr || !boot->is_object()) return error(400, "PropertyMissing", "only Boot can be changed");
  for (const auto& [key, member] : boot->as_object()) {
    if (key != "BootSourceOverrideEnabled" && key != "BootSourceOverrideTarget" &&
        key != "BootSourceOverrideMode") {
      return error(400, "PropertyUnknown", std::string(key) + " is not a property of Boot");
    }
  }
  const auto target = string_at(*boot, "BootSourceOverrideTarget");
  const auto enabled = string_at(*boot, "BootSourceOverrideEnabled");
  const auto mode = string_at(*boot, "BootSourceOverrideMode");
  if (!mode.empty() && mode != "UEFI")
    return error(400, "PropertyValueNotInList", "BootSourceOverrideMode: UEFI only");
  if (!enabled.empty() && enabled != "Disabled" && enabled != "Once" && enabled != "Continuous") {
    return error(400, "PropertyValueNotInList", "BootSourceOverrideEnabled: " + enabled);
  }
  if (!target.empty() && target != "Cd" && target != "None" && target != "Hdd" && target != "UefiTarget") {
    return error(400, "PropertyValueNotInList", "BootSourceOverrideTarget: " + target);
  }
  ++boot_version_;
  const bool to_cd = target == "Cd" || (target.empty() && host_->boot_override() != "Disabled");
  host_->set_override(to_cd && !enabled.empty() ? enabled : "Disabled");
  host_->note(now, "boot override", host_->boot_override());
  return no_content();
}

RedfishReply BmcModel::reset(const RedfishRequest& request, MonoTime now) {
  const auto type = string_at(parse(request.body), "ResetType");
  host_->note(now, "reset call", type);
  if (type == "On" || type == "ForceOn") {
    if (host_->on()) return error(409, "ResourceInUse", "the system is on already");
    host_->power_on(now, true);
  } else if (type == "ForceOff" || type == "GracefulShutdown") {
    if (!host_->on()) return error(409, "ResourceInUse", "the system is off already");
    if (type == "ForceOff") {
      host_->power_off(now, true);
    } else {
      host_->shut_down(now);
    }
  } else if (type == "ForceRestart") {
    if (!host_->on()) return error(409, "ResourceInUse", "the system is off");
    host_->reset(now, true);
  } else {
    return error(400, "ActionParameterNotSupported", "ResetType: " + type);
  }
  return no_content();
}

RedfishReply BmcModel::media(const RedfishRequest& request, const std::string& rest, MonoTime now) {
  const bool get = request.method == "GET" || request.method == "HEAD";
  const bool second_cd = options_.second_slot == SecondSlot::cd;
  if (rest.empty() && get) {
    std::vector<std::string> members{media_root() + "/Cd", media_root() + "/Usb"};
    if (second_cd) members.push_back(media_root() + "/Cd2");
    return body(collection(media_root(), "VirtualMediaCollection", "Virtual Media", members));
  }
  if (rest == "/Cd" && get) return slot(rest, {"CD", "DVD"}, shown(now), true);
  if (rest == "/Cd/Actions/VirtualMedia.InsertMedia" && request.method == "POST") return insert(request, now);
  if (rest == "/Cd/Actions/VirtualMedia.EjectMedia" && request.method == "POST") return eject(now);
  const std::string second = second_cd ? "/Cd2" : options_.second_slot == SecondSlot::usb ? "/Usb" : "none";
  if (rest.starts_with(second)) return second_media(request, rest.substr(second.size()), now);
  if (rest == "/Usb" && get) return slot(rest, {"USBStick"}, {}, false);
  return error(404, "ResourceMissingAtURI", "no such resource");
}

RedfishReply BmcModel::slot(const std::string& rest, const std::vector<std::string>& types,
                            const std::string& url, bool takes_urls) const {
  const std::string path = media_root() + rest;
  json::object value{{"@odata.id", path},
                     {"@odata.type", "#VirtualMedia.v1_6_0.VirtualMedia"},
                     {"Id", rest.substr(1)},
                     {"Name", "Virtual " + rest.substr(1)},
                     {"MediaTypes", json::array(types.begin(), types.end())},
                     {"Inserted", !url.empty()},
                     {"WriteProtected", true},
                     {"ConnectedVia", url.empty() ? "NotConnected" : "URI"},
                     {"Image", url.empty() ? json::value(nullptr) : json::value(url)},
                     {"ImageName", nullptr}};
  if (takes_urls) {
    value["Actions"] = {
        {"#VirtualMedia.InsertMedia", {{"target", path + "/Actions/VirtualMedia.InsertMedia"}}},
        {"#VirtualMedia.EjectMedia", {{"target", path + "/Actions/VirtualMedia.EjectMedia"}}}};
  }
  return body(std::move(value), 200, "\"" + to_hex(sha256(url)).substr(0, 12) + "\"");
}

RedfishReply BmcModel::second_media(const RedfishRequest& request, const std::string& rest, MonoTime now) {
  const bool usb = options_.second_slot == SecondSlot::usb;
  if (rest.empty() && (request.method == "GET" || request.method == "HEAD")) {
    return usb ? slot("/Usb", {"USBStick"}, host_->second_url(), true)
               : slot("/Cd2", {"CD", "DVD"}, host_->second_url(), true);
  }
  if (rest == "/Actions/VirtualMedia.InsertMedia" && request.method == "POST") {
    const auto image = string_at(parse(request.body), "Image");
    const std::string_view ending = usb ? ".img" : ".iso";
    if (!image.ends_with(ending)) {
      return error(400, "ActionParameterValueFormatError",
                   "Image must be a URL that ends in " + std::string(ending));
    }
    if (!host_->second_url().empty()) return error(409, "ResourceInUse", "a medium is inserted already");
    if (!host_->insert_result()) return error(409, "ResourceInUse", "a medium is being inserted");
    host_->insert_second(now, image);
    return inserting(now);
  }
  if (rest == "/Actions/VirtualMedia.EjectMedia" && request.method == "POST") {
    if (host_->second_url().empty()) return error(400, "ActionNotSupported", "nothing is inserted");
    host_->eject_second(now);
    return no_content();
  }
  return error(404, "ResourceMissingAtURI", "no such resource");
}

const std::string& BmcModel::shown(MonoTime now) const {
  return now < shown_until_ ? shown_url_ : host_->media_url();
}

void BmcModel::slot_changes(MonoTime now) {
  shown_url_ = host_->media_url();
  shown_until_ = now + options_.slot_lag;
}

void BmcModel::restart(MonoTime now, bool drops_media) {
  host_->note(now, "BMC restarts");
  sessions_.clear();
  tasks_.clear();
  shown_until_ = now;
  if (drops_media) host_->lose_medium(now);
}

void BmcModel::occupy_sessions(std::size_t count) {
  for (; count > 0; --count) {
    const std::string id = "x" + std::to_string(next_id_++);
    sessions_[id] = {to_hex(sha256(options_.uuid + "/" + id)), std::string(stranger)};
  }
}

void BmcModel::release_sessions() {
  std::erase_if(sessions_, [](const auto& item) { return item.second.user == stranger; });
}

RedfishReply BmcModel::insert(const RedfishRequest& request, MonoTime now) {
  const auto image = string_at(parse(request.body), "Image");
  if (image.empty()) return error(400, "ActionParameterMissing", "Image is needed");
  if (!image.ends_with(".iso") || image.find_first_of("?=") != std::string::npos) {
    return error(400, "ActionParameterValueFormatError", "Image must be a plain URL that ends in .iso");
  }
  if (host_->media_inserted()) return error(409, "ResourceInUse", "a medium is inserted already");
  if (!host_->insert_result()) return error(409, "ResourceInUse", "a medium is being inserted");
  slot_changes(now);
  host_->insert(now, image);
  return inserting(now);
}

/// Answers an insertion that has begun.
RedfishReply BmcModel::inserting(MonoTime now) {
  const bool under_way = !host_->insert_result();
  if (!options_.async_insert && !under_way) return no_content();
  const auto id = std::to_string(next_id_++);
  if (!under_way) tasks_[id].done = now + std::chrono::milliseconds(300);
  tasks_.try_emplace(id);
  auto reply = task("/redfish/v1/TaskService/Tasks/" + id, now);
  reply.status = 202;
  reply.headers.emplace_back("Location", "/redfish/v1/TaskService/TaskMonitors/" + id);
  return reply;
}

RedfishReply BmcModel::eject(MonoTime now) {
  if (!host_->media_inserted()) return error(400, "ActionNotSupported", "nothing is inserted");
  slot_changes(now);
  host_->eject(now);
  return no_content();
}

/// An insertion that the host was busy with; the next one cannot begin before this was called.
void BmcModel::settle_tasks(MonoTime now) {
  const auto result = host_->insert_result();
  if (!result) return;
  for (auto& [id, task] : tasks_) {
    if (!task.done) task = {now, *result};
  }
}

RedfishReply BmcModel::task(const std::string& path, MonoTime now) {
  if (path == "/redfish/v1/TaskService") {
    return body({{"@odata.id", path},
                 {"@odata.type", "#TaskService.v1_2_0.TaskService"},
                 {"Id", "TaskService"},
                 {"Name", "Tasks"},
                 {"Tasks", link(path + "/Tasks")}});
  }
  if (path == "/redfish/v1/TaskService/Tasks") {
    std::vector<std::string> members;
    for (const auto& [id, entry] : tasks_) members.push_back(path + "/" + id);
    return body(collection(path, "TaskCollection", "Tasks", members));
  }
  const bool monitor = path.starts_with("/redfish/v1/TaskService/TaskMonitors/");
  const auto it = tasks_.find(path.substr(path.rfind('/') + 1));
  if (it == tasks_.end()) return error(404, "ResourceMissingAtURI", "no such task");
  const Task& known = it->second;
  const bool done = known.done && *known.done <= now;
  const bool failed = done && !known.failure.empty();
  if (monitor && done && !failed) return no_content();
  if (monitor && failed) return error(500, "GeneralError", known.failure);
  json::object value{{"@odata.id", "/redfish/v1/TaskService/Tasks/" + it->first},
                     {"@odata.type", "#Task.v1_7_0.Task"},
                     {"Id", it->first},
                     {"Name", "Insert"},
                     {"TaskState", failed ? "Exception"
                                   : done ? "Completed"
                                          : "Running"},
                     {"TaskStatus", failed ? "Critical" : "OK"},
                     {"TaskMonitor", "/redfish/v1/TaskService/TaskMonitors/" + it->first}};
  if (failed) {
    value["Messages"] = json::array{json::object{{"MessageId", "Base.1.13.GeneralError"},
                                                 {"Message", known.failure},
                                                 {"Severity", "Critical"},
                                                 {"Resolution", "See the message."}}};
  }
  return body(std::move(value), monitor ? 202 : 200);
}

}  // namespace metalmesh::bmcsim
