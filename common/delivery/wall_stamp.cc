#include "common/delivery/wall_stamp.h"

#include <algorithm>

namespace metalmesh::delivery {
namespace {

constexpr std::int64_t nanos_per_second = 1'000'000'000;
constexpr std::int64_t most_seconds = 9'000'000'000;  // year 2255; nanoseconds in 64 bits end in 2262

}  // namespace

google::protobuf::Timestamp to_stamp(WallTime time) {
  const std::int64_t count = time.time_since_epoch().count();
  std::int64_t seconds = count / nanos_per_second;
  std::int64_t nanos = count % nanos_per_second;
  if (nanos < 0) {
    nanos += nanos_per_second;
    --seconds;
  }
  google::protobuf::Timestamp stamp;
  stamp.set_seconds(seconds);
  stamp.set_nanos(static_cast<std::int32_t>(nanos));
  return stamp;
}

WallTime from_stamp(const google::protobuf::Timestamp& stamp) {
  const std::int64_t seconds = std::clamp<std::int64_t>(stamp.seconds(), -most_seconds, most_seconds);
  const std::int64_t nanos = std::clamp<std::int64_t>(stamp.nanos(), 0, nanos_per_second - 1);
  return WallTime(Duration(seconds * nanos_per_second + nanos));
}

}  // namespace metalmesh::delivery
