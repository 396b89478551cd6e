#include "common/base/time_keeper.h"

#include <algorithm>
#include <utility>

namespace metalmesh {
namespace {

/// Smaller corrections are everyday: daemons slew a clock by seconds, chrony (as Debian ships it) sets it
/// when it is off by one.
constexpr Duration slack = std::chrono::seconds(2);
/// Wider than any doubt has to be, and far from the ends of what a WallTime holds.
constexpr Duration widest = std::chrono::hours(24 * 365 * 100);

WallFix aged(const WallFix& fix, MonoTime at) {
  const Duration elapsed = at - fix.at;
  const Duration off = drift_of(std::max(elapsed, -elapsed));
  return {at, fix.low + elapsed - off, fix.high + elapsed + off};
}

bool fit(const WallFix& one, const WallFix& other) {
  return one.low <= other.high + slack && other.low <= one.high + slack;
}

/// The sharper of the two, unless they have parted as far as a correction may.
WallFix sharper(const WallFix& line, const WallFix& reading) {
  const bool apart = line.low > reading.high || reading.low > line.high;
  return apart || reading.high - reading.low <= line.high - line.low ? reading : line;
}

}  // namespace

void TimeKeeper::resume(const std::optional<WallFix>& line, Duration steps,
                        const std::optional<WallFix>& doubted) {
  line_ = line;
  steps_ = steps;
  doubt_.reset();
  if (line && doubted) doubt_ = Doubt{doubted->at, *doubted};
}

TimeKeeper::Heard TimeKeeper::hear(const WallFix& reading) {
  if (!line_) {
    line_ = reading;
    return Heard::fits;
  }
  const WallFix expected = aged(*line_, reading.at);
  if (fit(expected, reading)) {
    line_ = sharper(expected, reading);
    return std::exchange(doubt_, std::nullopt) ? Heard::cleared : Heard::fits;
  }
  if (!doubt_ || !fit(aged(doubt_->reading, reading.at), reading)) {
    doubt_ = Doubt{reading.at, reading};
    return Heard::jumped;
  }
  doubt_->reading = sharper(aged(doubt_->reading, reading.at), reading);
  if (reading.at - doubt_->since < settle_) return Heard::doubted;
  steps_ += std::min(doubt_->reading.middle() - expected.middle(), Duration::zero());
  line_ = doubt_->reading;
  doubt_.reset();
  return Heard::settled;
}

void TimeKeeper::stepped(Duration by) {
  steps_ += by;
  if (line_) line_ = WallFix{line_->at, line_->low + by, line_->high + by};
  doubt_.reset();
}

std::optional<WallFix> TimeKeeper::line(MonoTime at) const {
  return line_ ? std::optional(aged(*line_, at)) : std::nullopt;
}

std::optional<Duration> TimeKeeper::doubt() const {
  if (!doubt_) return std::nullopt;
  return doubt_->reading.middle() - aged(*line_, doubt_->reading.at).middle();
}

std::optional<WallFix> TimeKeeper::at(MonoTime at) const {
  auto believed = line(at);
  if (!doubt_) return believed;
  // Around the line, so that its middle, which people are shown, stays where it was.
  const WallTime middle = believed->middle();
  const WallFix other = aged(doubt_->reading, at);
  const Duration half =
      std::min({std::max({other.high - middle, middle - other.low, believed->high - middle}), widest});
  return WallFix{at, middle - half, middle + half};
}

}  // namespace metalmesh
