// Wall time as far as a monotone clock confirms it. A clock that is set, a bad battery, a machine that was
// restored: wall time jumps, elapsed time does not. Whoever decides by wall time decides by a keeper's.
//
// A reading that fits the line of those before it is taken. One that does not is doubted: the line goes on,
// its interval widens until it holds both, and nothing new should start. The doubt ends when readings fit
// the line again, or when they have fitted each other for `settle`: then the clock was set, and is believed.
//
// Pure; not for several threads.
#pragma once

#include <optional>

#include "common/base/time.h"

namespace metalmesh {

/// A reading: at `at` the true time was between `low` and `high`.
struct WallFix {
  MonoTime at;
  WallTime low;
  WallTime high;
  [[nodiscard]] WallTime middle() const { return low + (high - low) / 2; }
  bool operator==(const WallFix&) const = default;
};

/// The most by which two sound clocks part. Linux corrects a clock's frequency by 500 ppm at most (MAXFREQ in
/// timex.h); the quartz itself is five times better.
constexpr Duration drift_of(Duration elapsed) { return Duration(elapsed.count() / 1'000'000 * 500); }

class TimeKeeper {
 public:
  enum class Heard {
    fits,     // the line goes on
    jumped,   // it begins to be doubted, or is doubted anew
    doubted,  // the doubt goes on
    cleared,  // the doubt ends: it fits the line again
    settled,  // the doubt ends: the line was moved to the new readings, see `steps`
  };

  /// `settle`: how long readings that do not fit the line must fit each other.
  explicit TimeKeeper(Duration settle) : settle_(settle) {}

  /// Goes on where an earlier life of the same clock stood; `steps` as it counted them, `doubted` what it
  /// doubted.
  void resume(const std::optional<WallFix>& line, Duration steps,
              const std::optional<WallFix>& doubted = std::nullopt);

  Heard hear(const WallFix& reading);
  /// The clock's owner says himself that it was set back by `by`.
  void stepped(Duration by);

  /// What is believed of the time at `at`; nothing before the first reading.
  [[nodiscard]] std::optional<WallFix> at(MonoTime at) const;
  /// The same without the width that a doubt gives: what to write down, and to measure others by.
  [[nodiscard]] std::optional<WallFix> line(MonoTime at) const;
  /// By how much the readings that are doubted are ahead of the line.
  [[nodiscard]] std::optional<Duration> doubt() const;
  /// The last of these readings, to write down.
  [[nodiscard]] std::optional<WallFix> doubted() const {
    return doubt_ ? std::optional(doubt_->reading) : std::nullopt;
  }
  /// How far the line was set back altogether, zero or below. A bound that was made when this was `then` is
  /// moved by `steps() - then`, so that nobody gets more time than he was promised. Forward moves are not
  /// counted: a clock that was set cannot be told from a machine that slept with all its clocks, and then the
  /// time is up.
  [[nodiscard]] Duration steps() const { return steps_; }

 private:
  struct Doubt {
    MonoTime since;
    WallFix reading;
  };
  Duration settle_;
  Duration steps_{};
  std::optional<WallFix> line_;
  std::optional<Doubt> doubt_;
};

}  // namespace metalmesh
