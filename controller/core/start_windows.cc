#include "controller/core/start_windows.h"

#include <algorithm>
#include <array>

#include "common/base/planted.h"
#include "controller/core/actions/actions.h"

namespace metalmesh::controller {
namespace {

using namespace std::chrono_literals;
using rules::Verdict;
using std::chrono::local_days;
using std::chrono::local_seconds;
using std::chrono::seconds;
using zones::Seconds;
using zones::Zone;

constexpr int windows_most = 20;
constexpr unsigned every_day = 0x7F;
constexpr std::array<std::string_view, 7> day_names = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

std::optional<unsigned> day_named(std::string_view name) {
  const auto found = std::ranges::find(day_names, name);
  if (found == day_names.end()) return std::nullopt;
  return static_cast<unsigned>(found - day_names.begin());
}

/// "22:00"
std::optional<seconds> time_of_day(std::string_view text) {
  const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9' ? text[at] - '0' : 99; };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const int hours = digit(0) * 10 + digit(1);
  const int minutes = digit(3) * 10 + digit(4);
  const seconds time = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  return minutes > 59 || time > 24h ? std::nullopt : std::optional(time);
}

unsigned days_of(const rest::StartWindow& window) {
  unsigned on = 0;
  for (const std::string& name : window.days()) {
    if (const auto day = day_named(name)) on |= 1U << *day;
  }
  return window.days().empty() ? every_day : on;
}

const Zone* zone_named(const MeshState& mesh, const std::string& name) {
  if (name.empty() || mesh.zones == nullptr) return name.empty() || name == "UTC" ? &Zone::utc() : nullptr;
  return mesh.zones->find(name);
}

std::string words_of(const rest::StartWindow& window, const std::string& zone) {
  std::string words;
  for (const std::string& day : window.days()) words += (words.empty() ? "" : ",") + day;
  return words + (words.empty() ? "" : " ") + window.from() + "-" + window.to() + " (" +
         (zone.empty() ? "UTC" : zone) + ")";
}

Seconds seconds_of(WallTime when) { return Seconds(std::chrono::floor<seconds>(when.time_since_epoch())); }
WallTime wall_of(Seconds when) { return WallTime(when.time_since_epoch()); }

Verdict check_window(const std::string& field, const rest::StartWindow& window, const MeshState& mesh) {
  for (int i = 0; i < window.days_size(); ++i) {
    if (!day_named(window.days(i)))
      return rules::refusal(
          ErrorKind::invalid, field + ".days[" + std::to_string(i) + "]",
          "\"" + window.days(i).substr(0, 40) + "\" is none of mon, tue, wed, thu, fri, sat, sun");
  }
  for (const auto* time : {&window.from(), &window.to()}) {
    const auto read = time_of_day(*time);
    const bool is_start = time == &window.from();
    if (!read || (is_start && *read == 24h))
      return rules::refusal(ErrorKind::invalid, field + (is_start ? ".from" : ".to"),
                            "\"" + time->substr(0, 40) + "\" is no time of day, as \"22:00\"");
  }
  if (window.from() == window.to())
    return rules::refusal(ErrorKind::invalid, field + ".to", "is the same as from",
                          "of a whole day say from \"00:00\" to \"24:00\"");
  return check_time_zone(field + ".timeZone", window.time_zone(), mesh);
}

}  // namespace

Verdict check_time_zone(const std::string& field, const std::string& name, const MeshState& mesh) {
  if (zone_named(mesh, name) != nullptr) return std::nullopt;
  const std::string said = "\"" + name.substr(0, 80) + "\" is no time zone that this controller knows";
  if (mesh.zones == nullptr || mesh.zones->size() == 0)
    return rules::refusal(ErrorKind::invalid, field, said + ": its machine has no tzdata",
                          "install the package tzdata there, and start it again");
  const std::string near = mesh.zones->near(name);
  return rules::refusal(ErrorKind::invalid, field,
                        said + (near.empty() ? "" : "; did you mean " + near + "?"),
                        "zones have names as Europe/Paris: timedatectl list-timezones");
}

Verdict check_windows(const Windows& windows, const std::string& site_zone, const MeshState& mesh) {
  if (windows.size() > windows_most)
    return rules::at_most("spec.windows", static_cast<std::uint64_t>(windows.size()), windows_most);
  for (int i = 0; i < windows.size(); ++i) {
    if (auto bad = check_window("spec.windows[" + std::to_string(i) + "]", windows.Get(i), mesh)) return bad;
  }
  return windows.empty() ? std::nullopt : check_time_zone("spec.timeZone", site_zone, mesh);
}

StartWindows::StartWindows(const MeshState& mesh, const rest::RolloutSpec& rollout, const std::string& site) {
  const auto found = mesh.sites.find(site);
  const rest::SiteSpec& spec =
      found == mesh.sites.end() ? rest::SiteSpec::default_instance() : found->second.spec();
  rollout_ = read(rollout.windows(), spec.time_zone(), mesh);
  if (action_of(rollout).changes) site_ = read(spec.windows(), spec.time_zone(), mesh);
}

std::vector<StartWindows::Window> StartWindows::read(const Windows& windows, const std::string& site_zone,
                                                     const MeshState& mesh) {
  std::vector<Window> all;
  for (const rest::StartWindow& window : windows) {
    const std::string& zone = window.time_zone().empty() ? site_zone : window.time_zone();
    all.push_back({days_of(window), time_of_day(window.from()).value_or(0s),
                   time_of_day(window.to()).value_or(0s), zone_named(mesh, zone), words_of(window, zone)});
  }
  return all;
}

bool StartWindows::Window::is_open(Seconds when) const {
  if (zone == nullptr) return false;
  const local_seconds shown = zone->local(when);
  const local_days today = std::chrono::floor<std::chrono::days>(shown);
  const seconds time = shown - today;
  const auto opens_on = [&](local_days day) {
    return ((this->days >> std::chrono::weekday(day).c_encoding()) & 1U) != 0;
  };
  if (from < to) return opens_on(today) && time >= from && time < to;
  return (opens_on(today) && time >= from) || (opens_on(today - std::chrono::days(1)) && time < to);
}

/// At which clocks show its beginning, its end or a midnight, or are set.
Seconds StartWindows::Window::next_border(Seconds when) const {
  constexpr Seconds never = Seconds::max();
  if (zone == nullptr) return never;
  const seconds offset = zone->at(when).offset;
  const local_days today = std::chrono::floor<std::chrono::days>(zone->local(when));
  Seconds next = zone->next_change(when).value_or(never);
  for (const local_days day : {today, today + std::chrono::days(1)}) {
    for (const seconds time : {0s, from, to}) {
      const Seconds at((day + time).time_since_epoch() - offset);
      if (at > when) next = std::min(next, at);
    }
  }
  return next;
}

bool StartWindows::is_open(WallTime when) const {
  if (planted(Defect::window_shut_ignored)) return true;
  const auto any_of = [&](const std::vector<Window>& windows) {
    return windows.empty() || std::ranges::any_of(windows, [&](const Window& window) {
             return window.is_open(seconds_of(when));
           });
  };
  return any_of(rollout_) && any_of(site_);
}

std::optional<WallTime> StartWindows::turns(WallTime when) const {
  const bool now = is_open(when);
  for (Seconds at = seconds_of(when); wall_of(at) < when + ahead;) {
    Seconds next = Seconds::max();
    for (const auto* windows : {&rollout_, &site_}) {
      for (const Window& window : *windows) next = std::min(next, window.next_border(at));
    }
    if (next == Seconds::max()) return std::nullopt;
    at = next;
    if (is_open(wall_of(at)) != now) return wall_of(at);
  }
  return std::nullopt;
}

Duration StartWindows::longest(WallTime when) const {
  Duration longest{};
  const WallTime end = when + 24h * 8;
  std::optional<WallTime> at = when;
  while (at && *at < end) {
    const auto next = turns(*at);
    if (is_open(*at)) longest = std::max(longest, next.value_or(*at + ahead) - *at);
    at = next;
  }
  return longest;
}

std::string StartWindows::words() const {
  std::string words;
  for (const auto* windows : {&rollout_, &site_}) {
    if (!words.empty() && !windows->empty()) words += " and ";
    for (std::size_t i = 0; i < windows->size(); ++i) words += (i == 0 ? "" : " or ") + (*windows)[i].text;
  }
  return words;
}

std::string StartWindows::local_words(WallTime when) const {
  const auto& windows = rollout_.empty() ? site_ : rollout_;
  const Zone& zone = windows.empty() || windows.front().zone == nullptr ? Zone::utc() : *windows.front().zone;
  const local_seconds shown = zone.local(seconds_of(when));
  const local_days day = std::chrono::floor<std::chrono::days>(shown);
  const std::chrono::year_month_day date(day);
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(shown - day).count();
  const auto two = [](std::int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  return std::to_string(static_cast<int>(date.year())) + "-" + two(static_cast<unsigned>(date.month())) +
         "-" + two(static_cast<unsigned>(date.day())) + " " + two(minutes / 60) + ":" + two(minutes % 60) +
         " " + zone.at(seconds_of(when)).abbreviation;
}

}  // namespace metalmesh::controller
