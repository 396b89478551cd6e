#include "common/os/clocks.h"

#include <time.h>

#include "common/base/check.h"
#include "common/base/digest.h"
#include "common/os/files.h"
#include "common/text/letters.h"

namespace metalmesh::os {
namespace {

Duration read_clock(clockid_t id) {
  timespec time{};
  MM_CHECK(::clock_gettime(id, &time) == 0);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

MonoTime boot_time() { return MonoTime(read_clock(CLOCK_BOOTTIME)); }
MonoTime steady_time() { return MonoTime(read_clock(CLOCK_MONOTONIC)); }
WallTime wall_time() { return WallTime(read_clock(CLOCK_REALTIME)); }

std::uint64_t boot_number() {
  const auto id = read_file("/proc/sys/kernel/random/boot_id", 256);
  if (!id) return 0;
  std::uint64_t number = 0;
  for (const char byte : sha256(trimmed(*id)).substr(0, sizeof number))
    number = number << 8U | static_cast<unsigned char>(byte);
  return number;
}

}  // namespace metalmesh::os
