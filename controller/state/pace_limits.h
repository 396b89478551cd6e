// The ceilings of the configuration: of starts that may write a disk, in any hour and across all rollouts.
#pragma once

#include <cstdint>

#include "common/base/time.h"

namespace metalmesh::controller {

/// Far above what a first site or a trial comes to; a file of production lowers them.
struct PaceLimits {
  std::uint32_t per_site = 2000;
  std::uint32_t per_actor = 2000;
  std::uint32_t failures = 3;  // behind the wipe, of one person and profile over several rollouts at a time
  Duration break_glass_every = std::chrono::minutes(15);
};

}  // namespace metalmesh::controller
