#include "controller/state/stamps.h"

#include <fmt/format.h>

#include <algorithm>

namespace metalmesh::controller {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t longest = std::int64_t{100} * 366 * 24 * 3600;  // seconds

}  // namespace

google::protobuf::Timestamp to_stamp(WallTime time) {
  const std::int64_t ns = time.time_since_epoch().count();
  std::int64_t seconds = ns / second;
  std::int64_t rest = ns % second;
  if (rest < 0) {
    rest += second;
    --seconds;
  }
  google::protobuf::Timestamp stamp;
  stamp.set_seconds(seconds);
  stamp.set_nanos(static_cast<std::int32_t>(rest));
  return stamp;
}

WallTime from_stamp(const google::protobuf::Timestamp& stamp) {
  const std::int64_t seconds = std::clamp(stamp.seconds(), -2 * longest, 2 * longest);
  return WallTime(std::chrono::seconds(seconds) + std::chrono::nanoseconds(stamp.nanos()));
}

google::protobuf::Duration to_proto(Duration duration) {
  google::protobuf::Duration out;
  out.set_seconds(duration.count() / second);
  out.set_nanos(static_cast<std::int32_t>(duration.count() % second));
  return out;
}

Duration from_proto(const google::protobuf::Duration& duration) {
  const std::int64_t seconds = std::clamp(duration.seconds(), -longest, longest);
  return std::chrono::seconds(seconds) + std::chrono::nanoseconds(duration.nanos());
}

std::string for_people(const google::protobuf::Timestamp& stamp) {
  const auto since = std::chrono::floor<std::chrono::seconds>(from_stamp(stamp).time_since_epoch());
  const std::chrono::sys_seconds at{since};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{at - day};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace metalmesh::controller
