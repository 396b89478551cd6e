// The time zones of the simulated world: one in which clocks are set back while it runs, so that an hour comes twice.
#pragma once

#include <memory>

#include "common/base/time.h"
#include "common/zones/zone_book.h"

namespace metalmesh::sim {

inline constexpr char zone_that_is_set[] = "Sim/Autumn";

std::shared_ptr<const zones::ZoneBook> sim_zones();

/// What clocks show there, as the time since a midnight: by no rule of the product.
Duration local_time_in(const std::string& zone, WallTime when);

}  // namespace metalmesh::sim
