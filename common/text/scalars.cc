#include "common/text/scalars.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "common/text/letters.h"

namespace metalmesh {
namespace {

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

constexpr std::pair<std::string_view, std::uint64_t> size_units[] = {
    {"", 1},
    {"B", 1},
    {"kB", 1'000},
    {"MB", 1'000'000},
    {"GB", 1'000'000'000},
    {"TB", 1'000'000'000'000},
    {"KiB", std::uint64_t{1} << 10},
    {"MiB", std::uint64_t{1} << 20},
    {"GiB", std::uint64_t{1} << 30},
    {"TiB", std::uint64_t{1} << 40},
};

constexpr std::pair<std::string_view, std::int64_t> duration_units[] = {
    {"d", 86'400'000'000'000},
    {"h", 3'600'000'000'000},
    {"m", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
    {"us", 1'000},
    {"ns", 1},
};

constexpr std::int64_t longest_duration = 3650 * duration_units[0].second;

/// Takes digits off the front; false when there are none or they do not fit.
bool take_number(std::string_view& text, std::int64_t& value) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || !is_digit(text.front())) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

/// Takes `.500` off the front as nano-units (at most nine digits); no dot is zero.
bool take_fraction(std::string_view& text, std::int64_t& billionths) {
  billionths = 0;
  if (text.empty() || text.front() != '.') return true;
  text.remove_prefix(1);
  int digits = 0;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), ++digits) {
    if (digits == 9) return false;
    billionths = billionths * 10 + (text.front() - '0');
  }
  for (int i = digits; i < 9; ++i) billionths *= 10;
  return digits > 0;
}

}  // namespace

std::optional<bool> parse_switch(std::string_view text) {
  for (const auto* word : {"true", "yes", "on"}) {
    if (same_letters(text, word)) return true;
  }
  for (const auto* word : {"false", "no", "off"}) {
    if (same_letters(text, word)) return false;
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_integer(std::string_view text) { return whole_number<std::int64_t>(text); }

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto split = std::ranges::find_if_not(text, is_digit) - text.begin();
  const auto digits = text.substr(0, static_cast<std::size_t>(split));
  std::string_view unit = text.substr(static_cast<std::size_t>(split));
  if (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  const auto count = whole_number<std::uint64_t>(digits);
  const auto found =
      std::ranges::find_if(size_units, [&](const auto& u) { return same_letters(u.first, unit); });
  if (!count || found == std::end(size_units)) return std::nullopt;
  if (*count > std::numeric_limits<std::uint64_t>::max() / found->second) return std::nullopt;
  return *count * found->second;
}

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::nanoseconds(0);
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t count = 0;
    std::int64_t billionths = 0;
    if (!take_number(text, count) || !take_fraction(text, billionths)) return std::nullopt;
    const auto length = static_cast<std::size_t>(std::ranges::find_if(text, is_digit) - text.begin());
    const auto unit = std::ranges::find(duration_units, text.substr(0, length),
                                        &std::pair<std::string_view, std::int64_t>::first);
    if (unit == std::end(duration_units)) return std::nullopt;
    text.remove_prefix(length);
    std::int64_t part = 0;
    // Units of a second or more are whole billions of nanoseconds; below, the product stays under 10^15.
    constexpr std::int64_t billion = 1'000'000'000;
    const std::int64_t fraction =
        unit->second >= billion ? unit->second / billion * billionths : unit->second * billionths / billion;
    if (__builtin_mul_overflow(count, unit->second, &part) || __builtin_add_overflow(part, fraction, &part) ||
        __builtin_add_overflow(total, part, &total) || total > longest_duration) {
      return std::nullopt;
    }
  }
  return std::chrono::nanoseconds(total);
}

}  // namespace metalmesh
