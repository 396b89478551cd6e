#include "common/ports/bandwidth_plan.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace metalmesh {
namespace {

using std::chrono::minutes;

constexpr minutes day = std::chrono::hours(24);

/// "06:00" to "24:00".
std::optional<minutes> time_of_day(std::string_view text) {
  constexpr std::string_view form = "00:00";
  const auto fits = [&](std::size_t i) {
    return form[i] == ':' ? text[i] == ':' : text[i] >= '0' && text[i] <= '9';
  };
  if (text.size() != form.size()) return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (!fits(i)) return std::nullopt;
  }
  const auto two = [&](std::size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); };
  const minutes time = std::chrono::hours(two(0)) + minutes(two(3));
  return two(3) < 60 && time <= day ? std::optional(time) : std::nullopt;
}

std::unexpected<Error> refuse(int index, const char* field, const std::string& why) {
  return fail(ErrorKind::invalid, "bandwidth[" + std::to_string(index) + "]." + field + " " + why);
}

}  // namespace

Result<BandwidthPlan> BandwidthPlan::from(const wire::ImageLimits& limits) {
  if (limits.bandwidth_size() > most_spans)
    return fail(ErrorKind::invalid, "bandwidth has more than " + std::to_string(most_spans) + " spans");
  BandwidthPlan plan;
  for (int i = 0; i < limits.bandwidth_size(); ++i) {
    const wire::ImageBandwidth& given = limits.bandwidth(i);
    const auto from = time_of_day(given.from());
    const auto to = time_of_day(given.to());
    const std::string expected = "\", expected a time of the day in UTC, \"06:00\" to \"24:00\"";
    if (!from || *from == day) return refuse(i, "from", "is \"" + given.from().substr(0, 40) + expected);
    if (!to) return refuse(i, "to", "is \"" + given.to().substr(0, 40) + expected);
    if (*from == *to) return refuse(i, "to", "equals from: write 00:00 to 24:00 for the whole day");
    if (given.bytes_per_second() < lowest_cap)
      return refuse(i, "bytesPerSecond", "is below " + std::to_string(lowest_cap));
    plan.spans_.push_back({*from, *to, given.bytes_per_second()});
  }
  return plan;
}

std::optional<std::uint64_t> BandwidthPlan::cap_at(WallTime wall) const {
  const auto since_midnight = wall.time_since_epoch() % std::chrono::nanoseconds(day);
  const auto at = std::chrono::floor<minutes>(since_midnight);
  std::optional<std::uint64_t> cap;
  for (const Span& span : spans_) {
    if (span.holds(at)) cap = std::min(cap.value_or(span.bytes_per_second), span.bytes_per_second);
  }
  return cap;
}

}  // namespace metalmesh
