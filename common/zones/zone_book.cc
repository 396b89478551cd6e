#include "common/zones/zone_book.h"

#include <charconv>
#include <vector>

#include "common/text/near_miss.h"

namespace metalmesh::zones {
namespace {

/// Cuts off what stands before the next `separator`, which is dropped.
std::string_view next(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return part;
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

Result<Zone> zone_in(std::string_view line) {
  auto rule = YearlyRule::from(next(line, ' '));
  if (!rule) return std::unexpected(rule.error());
  std::vector<Change> changes;
  while (!line.empty()) {
    std::string_view change = next(line, ' ');
    const auto at = number(next(change, ':'));
    const auto offset = number(next(change, ':'));
    if (!at || !offset || change.empty()) return fail(ErrorKind::invalid, "a change of a time zone is cut");
    changes.push_back(
        {Seconds(std::chrono::seconds(*at)), {std::chrono::seconds(*offset), std::string(change)}});
  }
  return Zone(std::move(changes), std::move(*rule));
}

}  // namespace

Result<ZoneBook> ZoneBook::from(std::string_view text) {
  ZoneBook book;
  while (!text.empty()) {
    std::string_view line = next(text, '\n');
    std::string name(next(line, ' '));
    auto zone = zone_in(line);
    if (!zone) return std::unexpected(std::move(zone.error()).with(name));
    book.add(std::move(name), std::move(*zone));
  }
  return book;
}

const Zone* ZoneBook::find(std::string_view name) const {
  const auto found = zones_.find(name);
  if (found != zones_.end()) return &found->second;
  return name == "UTC" ? &Zone::utc() : nullptr;
}

std::string ZoneBook::text() const {
  std::string text;
  for (const auto& [name, zone] : zones_) {
    text.append(name).append(" ").append(zone.rule().text());
    for (const Change& change : zone.changes()) {
      text.append(" ").append(std::to_string(change.at.time_since_epoch().count()));
      text.append(":").append(std::to_string(change.shown.offset.count()));
      text.append(":").append(change.shown.abbreviation);
    }
    text.append("\n");
  }
  return text;
}

std::string ZoneBook::near(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& [known, zone] : zones_) names.push_back(known);
  return near_miss(name, names);
}

}  // namespace metalmesh::zones
