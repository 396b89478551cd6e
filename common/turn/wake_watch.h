// Notices that a node woke late. A turn comes every few seconds even when nothing happens; when the next one
// comes much later, the process was stopped, its machine suspended, or its disk or processor were not to be
// had, and what others did meanwhile it could not see. Pure.
#pragma once

#include <optional>
#include <utility>

#include "common/base/time.h"

namespace metalmesh {

class WakeWatch {
 public:
  /// Turns further apart than this were not merely slow.
  static constexpr Duration late = std::chrono::seconds(15);

  /// A turn begins. How long the node was away, if it was.
  std::optional<Duration> wake(MonoTime at) {
    const std::optional<MonoTime> before = std::exchange(last_, at);
    if (before && at - *before < late) return std::nullopt;
    awake_since_ = at;
    return before ? std::optional(at - *before) : std::nullopt;
  }
  /// Since when turns have come one after the other: for Now::awake_since.
  [[nodiscard]] MonoTime awake_since() const { return awake_since_; }

 private:
  std::optional<MonoTime> last_;
  MonoTime awake_since_{};
};

}  // namespace metalmesh
