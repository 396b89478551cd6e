#include "common/adapters/system_clock.h"

#include <sys/timex.h>

#include <algorithm>

#include "common/os/clocks.h"

namespace metalmesh::adapters {

SystemClock::SystemClock(const ClockOptions& options) : options_(options), boot_(os::boot_number()) {}

Duration SystemClock::error() const {
  if (options_.trusted_error) return *options_.trusted_error;
  timex state{};  // modes = 0: only look
  const int answer = adjtimex(&state);
  if (answer < 0 || answer == TIME_ERROR || (state.status & STA_UNSYNC) != 0)
    return options_.unsynchronised_error;
  const Duration bound = std::chrono::microseconds(state.maxerror);
  return std::clamp(bound, options_.synchronised_error,
                    std::max(options_.synchronised_error, options_.unsynchronised_error));
}

Now SystemClock::now() {
  const WallTime wall = os::wall_time();
  const Duration margin = error();
  return {.mono = os::boot_time(), .wall_low = wall - margin, .wall_high = wall + margin, .boot = boot_};
}

}  // namespace metalmesh::adapters
