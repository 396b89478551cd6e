#include "common/ports/wire_time.h"

#include <algorithm>

namespace metalmesh {
namespace {

constexpr std::int64_t nanos_per_second = 1'000'000'000;
// Half of what 64 bits of nanoseconds hold, so that the difference of two stamps fits as well.
constexpr std::int64_t most_seconds = 4'600'000'000;

Duration clamped(std::int64_t seconds, std::int64_t nanos) {
  return Duration(std::clamp(seconds, -most_seconds, most_seconds) * nanos_per_second +
                  std::clamp(nanos, -(nanos_per_second - 1), nanos_per_second - 1));
}

}  // namespace

google::protobuf::Timestamp to_wire(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
  google::protobuf::Timestamp stamp;
  stamp.set_seconds(seconds.count());
  stamp.set_nanos(static_cast<std::int32_t>((time.time_since_epoch() - seconds).count()));
  return stamp;
}

google::protobuf::Duration to_wire(Duration duration) {
  google::protobuf::Duration out;
  out.set_seconds(duration.count() / nanos_per_second);
  out.set_nanos(static_cast<std::int32_t>(duration.count() % nanos_per_second));
  return out;
}

WallTime from_wire(const google::protobuf::Timestamp& stamp) {
  return WallTime(clamped(stamp.seconds(), stamp.nanos()));
}

Duration from_wire(const google::protobuf::Duration& duration) {
  return clamped(duration.seconds(), duration.nanos());
}

}  // namespace metalmesh
