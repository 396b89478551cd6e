// How often a tool may ask: whoever floods is not listened to, and costs the controller no more than a look at the topic.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "common/base/time.h"

namespace metalmesh::controller {

struct ToolPaceLimits {
  int burst = 50;
  Duration one_more_after = std::chrono::milliseconds(200);
  std::size_t tools = 1024;  // remembered; beyond, the rest share one
};

class ToolPace {
 public:
  enum class Verdict {
    listen,
    tell,  // too many, and it has not been told so since it was listened to last
    drop,
  };

  explicit ToolPace(ToolPaceLimits limits = {}) : limits_(limits) {}

  Verdict judge(const std::string& user, MonoTime now) {
    const bool known = buckets_.contains(user) || buckets_.size() < limits_.tools;
    const auto [at, is_new] = buckets_.try_emplace(known ? user : std::string());
    Bucket& bucket = at->second;
    if (is_new) bucket = {limits_.burst, now, false};
    const auto gained = (now - bucket.filled) / limits_.one_more_after;
    if (gained > 0) {
      bucket.left = static_cast<int>(std::min<std::int64_t>(limits_.burst, bucket.left + gained));
      bucket.filled += limits_.one_more_after * gained;
    }
    if (bucket.left > 0) {
      --bucket.left;
      bucket.told = bucket.told && bucket.left < limits_.burst / 2;
      return Verdict::listen;
    }
    return std::exchange(bucket.told, true) ? Verdict::drop : Verdict::tell;
  }

 private:
  struct Bucket {
    int left = 0;
    MonoTime filled{};
    bool told = false;
  };
  const ToolPaceLimits limits_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace metalmesh::controller
