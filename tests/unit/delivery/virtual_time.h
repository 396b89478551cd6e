// Instants of a test's own clock.
#pragma once

#include "common/base/time.h"

namespace metalmesh {

inline Now at(Duration since_boot) {
  const WallTime wall(std::chrono::hours(500'000) + since_boot);
  return {MonoTime(since_boot), wall, wall};
}

}  // namespace metalmesh
