// Spreads bytes over time so that they stay below a rate, however many take from it. Pure: time is handed in.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/base/time.h"

namespace metalmesh::media {

class Pacer {
 public:
  /// Books `bytes` at `rate` bytes per second; returns how long whoever took them has to wait now. What was
  /// not used is saved up for at most `burst`.
  Duration take(std::uint64_t bytes, std::uint64_t rate, MonoTime now) {
    free_at_ = std::max(free_at_, now - burst);
    const double seconds = static_cast<double>(bytes) / static_cast<double>(std::max<std::uint64_t>(rate, 1));
    free_at_ += std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
    return std::max(free_at_ - now, Duration::zero());
  }

 private:
  static constexpr Duration burst = std::chrono::milliseconds(100);
  MonoTime free_at_{};
};

}  // namespace metalmesh::media
