// What resources of several kinds tell alike. Private to this room.
#pragma once

#include <optional>
#include <string>

#include "agents/redfish/json_view.h"
#include "common/base/time.h"
#include "schemas/wire/inventory.pb.h"

namespace metalmesh::redfish {

/// At most 80 characters, without the blanks that some fill up with; what stands for nothing is nothing.
std::string short_text(View view);
/// A whole number; also of a text, and of "244.0". Nothing below zero.
std::uint64_t number(View view);
wire::Inventory::Health health_of(View status);
wire::Inventory::Switch switch_of(View flag);
/// What a manager takes the time for: told beside ours, and used for nothing else.
std::optional<WallTime> clock_of(View manager);

}  // namespace metalmesh::redfish
