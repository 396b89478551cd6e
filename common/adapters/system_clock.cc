#include "common/adapters/system_clock.h"

#include <sys/timex.h>
#include <time.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "common/base/check.h"
#include "common/base/digest.h"

namespace metalmesh::adapters {
namespace {

Duration read_clock(clockid_t id) {
  timespec time{};
  MM_CHECK(clock_gettime(id, &time) == 0);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// Zero when the kernel does not tell: then every start of this program counts as one of the machine.
std::uint64_t read_boot() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  if (!(file >> id)) return 0;
  std::uint64_t number = 0;
  for (const char byte : sha256(id).substr(0, sizeof number))
    number = number << 8U | static_cast<unsigned char>(byte);
  return number;
}

}  // namespace

SystemClock::SystemClock(const ClockOptions& options) : options_(options), boot_(read_boot()) {}

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
  const Duration wall = read_clock(CLOCK_REALTIME);
  const Duration margin = error();
  return {.mono = MonoTime(read_clock(CLOCK_BOOTTIME)),
          .wall_low = WallTime(wall - margin),
          .wall_high = WallTime(wall + margin),
          .boot = boot_};
}

}  // namespace metalmesh::adapters
