// The row in which a node keeps what time it believed, and what follows when a clock was set.
#pragma once

#include <optional>
#include <string>

#include "common/base/time_keeper.h"
#include "schemas/record/clock.pb.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh {

/// What `keeper` believes at `now`, to be written down; nothing before its first reading.
std::optional<record::Clock> clock_row(const TimeKeeper& keeper, const Now& now);

/// The line that the row tells, if `now` counts from the same start of the machine: the monotone clock has
/// run on since, whatever became of the process.
std::optional<WallFix> line_of(const record::Clock& row, const Now& now);

/// The reading that was in doubt when that line was written down. Who is started anew still doubts it.
std::optional<WallFix> doubted_of(const record::Clock& row);

/// The bounds of `order`, made when the controller's clock had been set back by `order.clock_steps`, as they
/// are after it has been set back by `steps`: who was promised an hour has no more than that. A window
/// (`not_before`) is not moved, it means a time of day.
void follow_steps(wire::Issue& issue, Duration steps);

/// "1 h 0 min ahead", "2 days behind".
std::string step_words(Duration by);

}  // namespace metalmesh
