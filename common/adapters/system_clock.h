// The machine's clocks as an honest interval. Monotonic time is CLOCK_BOOTTIME (suspend counts). Wall time
// is CLOCK_REALTIME plus and minus an error: the kernel knows (adjtimex) whether anything disciplines the
// clock; if so the error is `synchronised_error` or the kernel's own bound, whichever is larger, otherwise
// `unsynchronised_error`. A site whose clock is vouched for by other means sets `trusted_error`, which
// then replaces both. `boot` is drawn by the kernel at each start of the machine. Safe from any thread.
#pragma once

#include <optional>

#include "common/ports/clock.h"

namespace metalmesh::adapters {

struct ClockOptions {
  Duration synchronised_error = std::chrono::seconds(1);
  Duration unsynchronised_error = std::chrono::seconds(30);
  std::optional<Duration> trusted_error;
};

class SystemClock final : public Clock {
 public:
  explicit SystemClock(const ClockOptions& options = {});
  [[nodiscard]] Now now() override;

 private:
  [[nodiscard]] Duration error() const;
  ClockOptions options_;
  std::uint64_t boot_ = 0;
};

}  // namespace metalmesh::adapters
