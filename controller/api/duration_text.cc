#include "controller/api/duration_text.h"

#include <charconv>
#include <string>

#include "common/text/letters.h"

namespace metalmesh::controller {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr Unit units[] = {  // "ms" before "m"
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
    {"d", 86'400'000'000'000}};
constexpr std::int64_t longest = 3650 * units[4].nanoseconds;
constexpr std::size_t most_decimals = 9;

std::unexpected<Error> bad(std::string_view text) {
  return fail(ErrorKind::invalid,
              "\"" + std::string(text) + "\" is not a duration; write 90s, 30m, 1h30m or 2d");
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  if (text.empty() || text.size() > 32) return bad(text.substr(0, 32));
  std::int64_t total = 0;
  for (std::string_view rest = text; !rest.empty();) {
    std::int64_t whole = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), whole);
    if (error != std::errc() || !is_digit(rest.front())) return bad(text);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));

    std::string_view decimals;
    if (!rest.empty() && rest.front() == '.') {
      rest.remove_prefix(1);
      while (decimals.size() < rest.size() && is_digit(rest[decimals.size()])) {
        decimals = rest.substr(0, decimals.size() + 1);
      }
      if (decimals.empty() || decimals.size() > most_decimals) return bad(text);
      rest.remove_prefix(decimals.size());
    }

    const Unit* unit = nullptr;
    for (const Unit& candidate : units) {
      if (unit == nullptr && rest.starts_with(candidate.name)) unit = &candidate;
    }
    if (unit == nullptr) return bad(text);
    rest.remove_prefix(unit->name.size());

    if (whole > longest / unit->nanoseconds) return bad(text);
    total += whole * unit->nanoseconds;
    std::int64_t share = unit->nanoseconds;
    for (const char digit : decimals) {
      share /= 10;
      total += (digit - '0') * share;
    }
    if (total > longest) return bad(text);
  }
  return Duration(total);
}

}  // namespace metalmesh::controller
