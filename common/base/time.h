// Time is a value that is handed in. Nothing here reads a clock; common/os does.
#pragma once

#include <chrono>
#include <cstdint>

namespace metalmesh {

using Duration = std::chrono::nanoseconds;

/// Time since boot of this machine, suspend included (CLOCK_BOOTTIME). For timeouts.
struct MonoClockTag {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonoClockTag>;
  static constexpr bool is_steady = true;
};
using MonoTime = std::chrono::time_point<MonoClockTag, Duration>;

/// Nanoseconds since 1970-01-01T00:00:00Z.
struct WallClockTag {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<WallClockTag>;
  static constexpr bool is_steady = false;
};
using WallTime = std::chrono::time_point<WallClockTag, Duration>;

/// What a core knows about time while it handles one input. The true wall time lies in
/// [wall_low, wall_high]; a clock that nothing vouches for has a wide interval, and decisions that
/// depend on wall time (`not_before`, `start_by`) must hold at both ends.
struct Now {
  MonoTime mono{};
  WallTime wall_low{};
  WallTime wall_high{};
  /// Since when this node has run without a pause: from its start, or from the moment it woke late
  /// (suspended, stopped, starved). Before that it could not serve, see or ask, so silence counts from here
  /// on, whoever was silent: max(last heard, awake_since).
  MonoTime awake_since{};
  /// Which start of the machine `mono` counts from; two values of `mono` compare only if this is equal.
  std::uint64_t boot = 0;
  /// The middle of the interval: for stamps that people read, never for decisions.
  [[nodiscard]] WallTime wall() const { return wall_low + (wall_high - wall_low) / 2; }
  bool operator==(const Now&) const = default;
};

}  // namespace metalmesh
