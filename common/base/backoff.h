// Retry schedule: exponential with full jitter, so that a fleet does not come back in step.
#pragma once

#include <algorithm>

#include "common/base/random.h"
#include "common/base/time.h"

namespace metalmesh {

struct Backoff {
  Duration first = std::chrono::seconds(1);
  Duration most = std::chrono::seconds(60);

  /// Delay before attempt `attempt` (1 = first retry): between half and all of min(most, first * 2^(n-1)).
  [[nodiscard]] Duration delay(unsigned attempt, Random& random) const {
    const unsigned shift = std::min(attempt == 0 ? 0U : attempt - 1, 20U);
    const Duration ceiling = std::min(most, Duration(first.count() << shift));
    const auto half = ceiling.count() / 2;
    return Duration(half + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(half) + 1)));
  }
};

}  // namespace metalmesh
