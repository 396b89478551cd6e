#include "controller/state/tables.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace metalmesh::controller::tables {

std::string row(std::string_view table, std::string_view name) { return std::string(table).append(name); }

std::string end_of(std::string_view table) {
  std::string end(table);
  ++end.back();  // no table ends in 0xff
  return end;
}

std::string command_stream(std::string_view site) { return "s/" + std::string(site) + "/"; }
std::string side_stream(std::string_view site, std::string_view journal) {
  return "r/" + std::string(site) + "/" + std::string(journal);
}
std::string event_stream(std::string_view site) { return "r/" + std::string(site); }

std::string plan_page(std::string_view rollout, std::size_t number) {
  constexpr std::size_t digits = 8;
  std::string text = std::to_string(number);
  text.insert(0, digits - std::min(digits, text.size()), '0');
  return row(plans, std::string(rollout) + "/" + text);
}
std::optional<std::pair<std::string, std::size_t>> plan_page_at(std::string_view key) {
  const auto slash = key.rfind('/');
  if (!key.starts_with(plans) || slash < plans.size()) return std::nullopt;
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(key.data() + slash + 1, key.data() + key.size(), number);
  if (error != std::errc() || end != key.data() + key.size()) return std::nullopt;
  return std::pair(std::string(key.substr(plans.size(), slash - plans.size())), number);
}
std::string version_name(std::string_view profile, std::uint64_t version) {
  return std::string(profile) + "@" + std::to_string(version);
}

}  // namespace metalmesh::controller::tables
