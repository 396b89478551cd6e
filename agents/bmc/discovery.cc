#include "agents/bmc/discovery.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace metalmesh::bmc {
namespace {

constexpr std::size_t most_systems = 8;
constexpr std::size_t most_managers = 8;

std::string names_of(const std::vector<redfish::System>& systems) {
  std::string out;
  for (const auto& system : systems)
    out += (out.empty() ? ": " : ", ") + system.uri + " (serial " +
           (system.identity.serial.empty() ? "none" : system.identity.serial) + ")";
  return out;
}

std::string why_unread(const HttpReplied& reply, const std::string& uri, const std::string& damage) {
  return reply.status == 200 ? damage + " of " + uri : "HTTP " + std::to_string(reply.status) + " for " + uri;
}

}  // namespace

Verdict Discovery::read_root(Turn& turn, Line& line) {
  if (root_) return Verdict::done;
  const std::string path = root_without_slash_ ? "/redfish/v1" : "/redfish/v1/";
  const HttpReplied* reply = line.fetch(turn, Ask::root, redfish::get(path));
  if (reply == nullptr) return Verdict::busy;
  const bool hidden = reply->status == 401 || reply->status == 403;
  auto root = redfish::parse_service_root(*reply);
  if (reply->status == 200 && root) {
    root_ = std::move(*root);
    return Verdict::done;
  }
  const bool try_other = !root_without_slash_ && (hidden || reply->status == 404 || reply->status == 405);
  if (try_other) {
    root_without_slash_ = true;
    return read_root(turn, line);
  }
  if (hidden) {  // some show it only to those who are logged in
    root_ = redfish::ServiceRoot{};
    return Verdict::done;
  }
  const std::string damage = root ? "" : root.error().message;
  return turn.fail({.code = wire::BMC_PROTOCOL,
                    .expected = "a Redfish service root",
                    .seen = "HTTP " + std::to_string(reply->status) + " to " + path,
                    .detail = reply->status == 200 ? damage : redfish::parse_error(reply->body).text()});
}

/// After a restart some show no system for a while.
Verdict Discovery::none_there(Turn& turn, Line& line) {
  if (turn.out_of_patience(empty_since_)) {
    return turn.fail({.code = wire::SYSTEM_AMBIGUOUS,
                      .expected = "a system",
                      .seen = "none, for as long as was waited",
                      .span = turn.now.mono - *empty_since_});
  }
  list_.forget();
  return line.ask_later(turn);
}

Verdict Discovery::read_candidates(Turn& turn, Line& line) {
  if (list_.read(turn, line, Ask::systems, root_->systems, most_systems, Need::vital) == Verdict::busy)
    return Verdict::busy;
  if (!list_.readable()) {
    return turn.fail({.code = wire::BMC_PROTOCOL,
                      .expected = "its list of systems",
                      .seen = "HTTP " + std::to_string(list_.status()),
                      .detail = list_.words()});
  }
  if (list_.paths().empty()) return none_there(turn, line);
  while (next_system_ < list_.paths().size()) {
    const std::string& uri = list_.paths()[next_system_];
    // The only one is the one that is needed.
    const HttpReplied* reply = list_.paths().size() == 1
                                   ? line.fetch(turn, Ask::system, redfish::get(uri))
                                   : line.fetch_if_it_can(turn, Ask::system, redfish::get(uri));
    if (reply == nullptr) return Verdict::busy;
    ++next_system_;
    auto system = redfish::parse_system(*reply);
    if (reply->status != 200 || !system) {
      const std::string words = redfish::parse_error(reply->body).text();
      unread_.push_back(why_unread(*reply, uri, system ? "" : system.error().message) +
                        (reply->status == 200 || words.empty() ? "" : " (" + words + ")"));
      continue;
    }
    if (system->uri.empty()) system->uri = uri;
    dress(*system);
    candidates_.push_back(std::move(*system));
  }
  return Verdict::done;
}

Verdict Discovery::find_system(Turn& turn, Line& line, const redfish::Identity& expected) {
  if (system_) return Verdict::done;
  if (read_candidates(turn, line) == Verdict::busy) return Verdict::busy;
  std::vector<redfish::System> chosen;
  std::ranges::copy_if(candidates_, std::back_inserter(chosen), &redfish::System::usable);
  const auto drop = [&](auto unwanted) {
    if (chosen.size() > 1 && !std::ranges::all_of(chosen, unwanted)) std::erase_if(chosen, unwanted);
  };
  drop([](const redfish::System& system) { return system.type == "DPU"; });
  const auto is_another = [&](const redfish::System& system) {
    return redfish::contradiction(expected, system.identity).has_value();
  };
  const auto may_not_be = [&](const redfish::System& system) {
    return !redfish::may_be(expected, system.identity);
  };
  if (chosen.size() > 1) std::erase_if(chosen, is_another);
  drop(may_not_be);  // what does not tell its serial may still be the one
  std::string unread;
  for (const std::string& each : unread_) unread += (unread.empty() ? "" : "; ") + each;
  if (chosen.size() != 1) {
    const bool damaged = candidates_.empty() && !unread_.empty();
    return turn.fail(
        {.code = damaged ? wire::BMC_PROTOCOL : wire::SYSTEM_AMBIGUOUS,
         .expected = damaged
                         ? "a system that can be read"
                         : "exactly one with the order's UUID and serial, a boot override and a reset action",
         .seen = damaged ? unread : std::to_string(chosen.size()) + " such systems" + names_of(candidates_),
         .detail = unread});
  }
  for (const std::string& each : unread_) turn.notes.push_back("skipped: " + each);
  system_ = std::move(chosen.front());
  candidates_.clear();
  fresh_ = !ways_.boot_in_settings;
  return Verdict::done;
}

Verdict Discovery::find_managers(Turn& turn, Line& line) {
  if (!managers_listed_) {
    if (system_->managers.empty()) {
      if (manager_list_.read(turn, line, Ask::managers, root_->managers, most_managers, Need::welcome) ==
          Verdict::busy)
        return Verdict::busy;
      manager_uris_ = manager_list_.paths();
    } else {
      manager_uris_ = system_->managers;
    }
    managers_listed_ = true;
  }
  while (next_manager_ < manager_uris_.size()) {
    const std::string& uri = manager_uris_[next_manager_];
    const HttpReplied* reply = line.fetch_if_it_can(turn, Ask::manager, redfish::get(uri));
    if (reply == nullptr) return Verdict::busy;
    ++next_manager_;
    auto manager = redfish::parse_manager(*reply);
    if (reply->status != 200 || !manager) {
      turn.notes.push_back("skipped: " + why_unread(*reply, uri, manager ? "" : manager.error().message));
      continue;
    }
    if (manager->uri.empty()) manager->uri = uri;
    if (manager->clock) manager->clock_ahead = *manager->clock - turn.now.wall();
    managers_.push_back(std::move(*manager));
  }
  // The system does not say which of several is its own: those that name it, if there are any.
  const auto names_it = [&](const redfish::Manager& manager) {
    return std::ranges::find(manager.servers, system_->uri) != manager.servers.end();
  };
  if (system_->managers.empty() && managers_.size() > 1 && std::ranges::any_of(managers_, names_it))
    std::erase_if(managers_, std::not_fn(names_it));
  return Verdict::done;
}

namespace {

Verdict read_values(Turn& turn, Line& line, redfish::ResetAction& reset) {
  if (!reset.allowed.empty() || reset.action_info.empty()) return Verdict::done;
  const HttpReplied* reply = line.fetch_if_it_can(turn, Ask::action_info, redfish::get(reset.action_info));
  if (reply == nullptr) return Verdict::busy;
  reset.allowed = redfish::parse_action_info(*reply, "ResetType");
  reset.action_info.clear();
  return Verdict::done;
}

}  // namespace

Verdict Discovery::read_reset_values(Turn& turn, Line& line) {
  return read_values(turn, line, system_->reset);
}

Verdict Discovery::read_manager_resets(Turn& turn, Line& line) {
  for (redfish::Manager& manager : managers_) {
    if (read_values(turn, line, manager.reset) == Verdict::busy) return Verdict::busy;
  }
  return Verdict::done;
}

void Discovery::follow(Ways ways) {
  ways_ = std::move(ways);
  if (system_) dress(*system_);
  if (ways_.boot_in_settings) stale();
}

bool Discovery::boot_in_settings() {
  if (!system_ || system_->settings.empty() || ways_.boot_in_settings || settings_useless_) return false;
  ways_.boot_in_settings = true;
  fresh_ = false;
  return true;
}

void Discovery::follow(const record::BmcMap& map) {
  root_ = redfish::ServiceRoot{};
  root_->sessions = map.sessions();
  list_.know({map.system()});
  reset_values_ = {map.reset_values().begin(), map.reset_values().end()};
}

void Discovery::forget() {
  const Ways ways = std::move(ways_);
  *this = {};
  ways_ = ways;
}

/// What a reading alone does not tell.
void Discovery::dress(redfish::System& system) const {
  if (ways_.label_is_sku) system.identity.label = system.identity.sku;
  system.boot.preferred = ways_.boot_target;
  system.boot.may_stay = ways_.boot_continuous;
  if (system.settings.empty() && !ways_.settings_path.empty())
    system.settings = system.uri + ways_.settings_path;
  if (system.reset.allowed.empty()) system.reset.allowed = reset_values_;
}

const redfish::System* Discovery::take(redfish::System system) {
  // What discovery found out with extra requests stays.
  if (system_ && system.reset.allowed.empty()) system.reset.allowed = system_->reset.allowed;
  system_ = std::move(system);
  fresh_ = true;
  return &*system_;
}

const redfish::System* Discovery::look(Turn& turn, Line& line) {
  if (fresh_) return &*system_;
  if (half_) return read_settings(turn, line);
  const HttpReplied* reply = line.fetch(turn, Ask::system, redfish::get(system_->uri));
  if (reply == nullptr) return nullptr;
  auto system = redfish::parse_system(*reply);
  if (reply->status != 200 || !system) {
    line.unreadable(turn, why_unread(*reply, system_->uri, system ? "" : system.error().message), *reply);
    return nullptr;
  }
  line.readable();
  if (system->uri.empty()) system->uri = system_->uri;
  dress(*system);
  if (!ways_.boot_in_settings || system->settings.empty()) return take(std::move(*system));
  half_ = std::move(*system);
  return read_settings(turn, line);
}

/// The override as the settings resource tells it; where that carries none, the system's own counts.
const redfish::System* Discovery::read_settings(Turn& turn, Line& line) {
  const HttpReplied* reply = line.fetch_if_it_can(turn, Ask::system, redfish::get(half_->settings));
  if (reply == nullptr) return nullptr;
  redfish::System system = *std::exchange(half_, std::nullopt);
  auto settings = redfish::parse_boot_settings(*reply);
  if (reply->status != 200 || !settings || !settings->first.present) {
    ways_.boot_in_settings = false;
    settings_useless_ = true;
    return take(std::move(system));
  }
  redfish::Boot boot = std::move(settings->first);
  if (boot.targets.empty()) boot.targets = system.boot.targets;
  boot.preferred = system.boot.preferred;
  boot.may_stay = system.boot.may_stay;
  boot.uri = system.settings;
  system.boot = std::move(boot);
  system.etag = std::move(settings->second);
  return take(std::move(system));
}

}  // namespace metalmesh::bmc
