#include "tests/bmcsim/control.h"

#include <algorithm>
#include <boost/json.hpp>
#include <csignal>
#include <fstream>
#include <map>
#include <tuple>

namespace metalmesh::bmcsim {
namespace json = boost::json;
namespace {

double seconds(MonoTime t) { return std::chrono::duration<double>(t.time_since_epoch()).count(); }
Duration milliseconds(const json::value& value) {
  return std::chrono::milliseconds(value.to_number<std::int64_t>());
}

json::object state_of(const Member& member) {
  const auto& host = member.model->host();
  json::array installs;
  for (const auto& install : host.installs()) {
    installs.push_back({{"deployment", install.deployment},
                        {"answer", install.answer},
                        {"completed", install.completed},
                        {"died", install.died},
                        {"self", install.self_started}});
  }
  json::array violations(host.violations().begin(), host.violations().end());
  const auto& options = member.model->options();
  json::array faults;
  for (const auto name : member.model->faults()) faults.emplace_back(name);
  json::object files;
  for (const auto& [what, path] : host.files()) files[what] = path;
  return {{"name", options.name},
          {"address", member.address},
          {"serial", options.serial},
          {"uuid", options.uuid},
          {"on", host.on()},
          {"state", to_string(host.state())},
          {"media", host.media_url()},
          {"second", host.second_url()},
          {"override", host.boot_override()},
          {"installs", std::move(installs)},
          {"violations", std::move(violations)},
          {"sessions", member.model->sessions()},
          {"requests", member.model->requests()},
          {"read", host.bytes_read()},
          {"faults", std::move(faults)},
          {"files", std::move(files)}};
}

Result<FaultRule> parse_fault(const json::object& text) {
  FaultRule rule;
  for (const auto& [key, value] : text) {
    if (key == "op") {
      if (!parse_op(value.as_string(), rule.op)) return fail(ErrorKind::invalid, "unknown op");
    } else if (key == "when") {
      rule.when = value.as_string() == "after" ? FaultRule::When::after : FaultRule::When::before;
    } else if (key == "action") {
      const auto& action = value.as_string();
      if (action == "hold") rule.when = FaultRule::When::after;
      rule.action = action == "kill"     ? FaultRule::Action::kill
                    : action == "hold"   ? FaultRule::Action::hold
                    : action == "status" ? FaultRule::Action::status
                                         : FaultRule::Action::drop;
    } else if (key == "status") {
      rule.status = value.to_number<int>();
    } else if (key == "nth") {
      rule.nth = value.to_number<std::uint32_t>();
    } else if (key == "times") {
      rule.times = value.to_number<std::uint32_t>();
    } else if (key == "resetType") {
      rule.reset_type = std::string(value.as_string());
    } else {
      return fail(ErrorKind::invalid, "unknown fault field " + std::string(key));
    }
  }
  return rule;
}

/// Exactly these from now on; those that were set already begin anew.
Status set_faults(BmcModel& model, const json::array& names) {
  for (const auto& name : names) {
    if (fault_named(name.as_string()) == nullptr)
      return fail(ErrorKind::invalid, "unknown fault " + std::string(name.as_string()));
  }
  model.clear_faults();
  for (const auto& name : names) model.set_fault(name.as_string());
  return {};
}

Status apply_control(BmcModel& model, const json::object& change, MonoTime now) {
  auto& o = model.options();
  const std::map<std::string, bool BmcOptions::*, std::less<>> flags{
      {"unreachable", &BmcOptions::unreachable},
      {"onceIgnored", &BmcOptions::once_ignored},
      {"neverReads", &BmcOptions::never_reads},
      {"bootProgress", &BmcOptions::boot_progress},
      {"hasVirtualMedia", &BmcOptions::has_virtual_media},
      {"mediaUnderSystems", &BmcOptions::media_under_systems},
      {"requireIfMatch", &BmcOptions::require_if_match},
      {"asyncInsert", &BmcOptions::async_insert},
      {"fallsBackToCd", &BmcOptions::falls_back_to_cd},
      {"cdFirst", &BmcOptions::cd_first},
      {"reboots", &BmcOptions::reboots_at_end},
      {"looksAtMedia", &BmcOptions::looks_at_media},
      {"waitsAtLaunch", &BmcOptions::waits_at_launch},
      {"callsBack", &BmcOptions::calls_back}};
  const std::map<std::string, std::string BmcOptions::*, std::less<>> texts{
      {"password", &BmcOptions::password}, {"serial", &BmcOptions::serial}, {"uuid", &BmcOptions::uuid}};
  const std::map<std::string, Duration BmcOptions::*, std::less<>> times{
      {"installMs", &BmcOptions::install_time}, {"powerMs", &BmcOptions::power_time},
      {"postMs", &BmcOptions::post_time},       {"giveUpMs", &BmcOptions::media_give_up},
      {"osBootMs", &BmcOptions::os_boot_time},  {"restartMs", &BmcOptions::restart_time}};
  for (const auto& [name, value] : change) {
    const std::string_view key(name.data(), name.size());
    if (const auto flag = flags.find(key); flag != flags.end()) {
      o.*(flag->second) = value.as_bool();
    } else if (const auto text = texts.find(key); text != texts.end()) {
      o.*(text->second) = std::string(value.as_string());
    } else if (const auto time = times.find(key); time != times.end()) {
      o.*(time->second) = milliseconds(value);
    } else if (key == "stopsReadingAt") {
      o.stops_reading_at = value.to_number<std::uint32_t>();
    } else if (key == "tlsKey") {
      o.tls_key = value.to_number<std::uint32_t>();
    } else if (key == "maxSessions") {
      o.max_sessions = value.to_number<std::uint32_t>();
    } else if (key == "secondSlot") {
      const auto& kind = value.as_string();
      o.second_slot = kind == "cd" ? SecondSlot::cd : kind == "usb" ? SecondSlot::usb : SecondSlot::none;
    } else if (key == "foreignMedia") {
      model.insert_foreign(std::string(value.as_string()), now);
    } else if (key == "selfReset") {
      if (model.host().on()) {
        model.host().reset(now, false);
      } else {
        model.host().power_on(now, false);
      }
    } else if (key == "power") {
      if (value.as_bool()) {
        model.host().power_on(now, false);
      } else {
        model.host().power_off(now, false);
      }
    } else if (key == "powerCutMs") {
      model.host().power_cut(now, milliseconds(value));
    } else if (key == "restartBmc") {
      model.restart(now, value.as_bool());
    } else if (key == "letGo") {
      model.let_go();
    } else if (key == "faults") {
      if (auto set = set_faults(model, value.as_array()); !set) return set;
    } else if (key == "fault") {
      auto rule = parse_fault(value.as_object());
      if (!rule) return std::unexpected(rule.error());
      model.add_fault(*std::move(rule));
    } else {
      return fail(ErrorKind::invalid, "unknown field " + std::string(key));
    }
  }
  return {};
}

}  // namespace

ControlReply Control::handle(const std::string& method, const std::string& path, const std::string& body,
                             MonoTime now) {
  try {
    if (method == "GET" && path == "/state") {
      json::array servers;
      for (const auto& member : fleet_.members()) servers.push_back(state_of(member));
      return {200, json::serialize(json::value{{"servers", std::move(servers)}})};
    }
    if (method == "GET" && path == "/acts") {
      std::vector<std::tuple<MonoTime, std::size_t, json::object>> all;  // time, then order of collection
      for (const auto& member : fleet_.members()) {
        for (const auto& act : member.model->host().acts()) {
          all.emplace_back(act.at, all.size(),
                           json::object{{"at", seconds(act.at)},
                                        {"server", member.model->options().name},
                                        {"what", act.what},
                                        {"detail", act.detail}});
        }
      }
      std::ranges::sort(all, {},
                        [](const auto& entry) { return std::pair(std::get<0>(entry), std::get<1>(entry)); });
      json::array acts;
      for (auto& [at, order, act] : all) acts.push_back(std::move(act));
      return {200, json::serialize(json::value{{"acts", std::move(acts)}})};
    }
    if (method == "GET" && path == "/requests") {
      json::object servers;
      for (const auto& member : fleet_.members()) {
        json::array asked;
        for (const auto& one : member.model->asked())
          asked.push_back({{"at", seconds(one.at)}, {"what", one.what}});
        servers[member.model->options().name] = std::move(asked);
      }
      return {200, json::serialize(json::value{{"servers", std::move(servers)}})};
    }
    if (method == "POST" && path == "/kill-target") {
      pidfile_ = std::string(json::parse(body).at("pidfile").as_string());
      return {200, "{}"};
    }
    if (method == "POST" && path.starts_with("/servers/")) {
      const auto name = path.substr(9);
      const auto change = json::parse(body).as_object();
      bool found = false;
      for (auto& member : fleet_.members()) {
        if (name != "*" && member.model->options().name != name) continue;
        found = true;
        if (auto done = apply_control(*member.model, change, now); !done) {
          return {400, json::serialize(json::value{{"error", done.error().message}})};
        }
      }
      return found ? ControlReply{200, "{}"} : ControlReply{404, R"({"error":"no such server"})"};
    }
    return {404, R"({"error":"no such path"})"};
  } catch (const std::exception& e) {
    return {400, json::serialize(json::value{{"error", e.what()}})};
  }
}

void Control::kill_target() {
  std::ifstream in(pidfile_);
  pid_t pid = 0;
  if (in >> pid && pid > 1) ::kill(pid, SIGKILL);
}

}  // namespace metalmesh::bmcsim
