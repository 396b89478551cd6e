#include "common/delivery/topics.h"

#include <algorithm>

#include "common/text/letters.h"

namespace metalmesh::topics {
namespace {

constexpr std::string_view prefix = "mm/1/";
constexpr std::string_view up_suffix = "/up";
constexpr std::string_view down_suffix = "/down";
constexpr std::size_t site_limit = 63;

bool is_site_name(std::string_view name) {
  const auto allowed = [](char c) { return is_lower(c) || is_digit(c) || c == '-'; };
  return !name.empty() && name.size() <= site_limit && std::ranges::all_of(name, allowed) &&
         name.front() != '-' && name.back() != '-';
}

std::string joined(const SiteName& site, std::string_view suffix) {
  return std::string(prefix).append(site.str()).append(suffix);
}

}  // namespace

std::string down(const SiteName& site) { return joined(site, down_suffix); }
std::string up(const SiteName& site) { return joined(site, up_suffix); }

std::optional<SiteName> site_of_up(std::string_view topic) {
  if (!topic.starts_with(prefix) || !topic.ends_with(up_suffix)) return std::nullopt;
  if (topic.size() <= prefix.size() + up_suffix.size()) return std::nullopt;
  topic.remove_prefix(prefix.size());
  topic.remove_suffix(up_suffix.size());
  if (!is_site_name(topic)) return std::nullopt;
  return SiteName(std::string(topic));
}

}  // namespace metalmesh::topics
