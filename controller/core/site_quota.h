// How much one site may tell: what it says is kept for ever, so that no site fills the ledger of all. Beyond its share its
// events stay unacknowledged, and its own journal keeps them until they fit: nothing is lost, and no other site waits. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/base/time.h"

namespace metalmesh::controller {

struct SiteShare {
  std::uint64_t at_once = std::uint64_t{512} << 20U;     // bytes of events
  std::uint64_t per_second = std::uint64_t{256} << 10U;  // from then on
};

class SiteQuota {
 public:
  explicit SiteQuota(SiteShare share) : share_(share), left_(share.at_once) {}

  /// Whether so many bytes fit now; then they are counted.
  bool takes(std::uint64_t bytes, MonoTime now) {
    if (seen_ < now) {
      const auto milliseconds = static_cast<std::uint64_t>((now - seen_) / std::chrono::milliseconds(1));
      left_ = std::min(share_.at_once,
                       left_ + std::min<std::uint64_t>(milliseconds, week) * share_.per_second / 1000);
      seen_ += std::chrono::milliseconds(milliseconds);
    }
    const bool fits = bytes <= left_;
    if (fits) left_ -= bytes;
    return fits;
  }

 private:
  static constexpr std::uint64_t week = 7ULL * 24 * 3600 * 1000;

  SiteShare share_;
  std::uint64_t left_;
  MonoTime seen_{};
};

}  // namespace metalmesh::controller
