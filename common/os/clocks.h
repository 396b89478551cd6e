// The machine's clocks, read. What may be believed of them is for others to say (common/base/time_keeper.h,
// common/adapters/system_clock.h). Safe from any thread.
#pragma once

#include "common/base/time.h"

namespace metalmesh::os {

/// CLOCK_BOOTTIME: since the machine started, suspend included; nobody can set it.
MonoTime boot_time();
/// CLOCK_MONOTONIC: the same without suspend, as the timers of libraries count. Not to be mixed with the
/// above.
MonoTime steady_time();
/// CLOCK_REALTIME, as it is set.
WallTime wall_time();
/// A number for this start of the machine, drawn by the kernel; 0 if it does not tell.
std::uint64_t boot_number();

}  // namespace metalmesh::os
