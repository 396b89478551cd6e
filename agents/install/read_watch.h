// What the reads of a medium tell about the machine that reads it: it was never read, it is stalled, it has
// finished reading. Pure; times are handed in.
//
// BMCs read at 0.05 to 10 MB/s, in bursts, ahead, again, or a few percent and then no more; installers are
// silent while they unpack. So silence counts for what it is compared with: pauses that this installer has
// already made, and how much it has read. tests/unit/install/read_watch_test.cc holds this against thousands
// of simulated installs.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/base/time.h"

namespace metalmesh::install {

class ReadWatch {
 public:
  /// Nothing is held against it that was before `now`. Counts are those that are known already.
  void begin(MonoTime now, std::uint64_t covered, std::uint64_t size) {
    reached_ = covered > 0;
    covered_ = covered;
    size_ = size;
    restart(now);
  }
  /// The installer starts: what its firmware took time for says nothing of it.
  void restart(MonoTime now) {
    last_ = grown_ = now;
    longest_pause_ = {};
  }
  /// The media server told of reads. `covered` counts anew after a restart of that server.
  void took(std::uint64_t covered, std::uint64_t size, std::uint64_t package_bytes, MonoTime now) {
    if (reached_) longest_pause_ = std::max(longest_pause_, now - last_);
    reached_ = seen_ = true;
    last_ = now;
    if (covered > covered_) grown_ = now;
    covered_ = std::max(covered_, covered);
    size_ = size;
    packages_ = packages_ || package_bytes > 0;
  }

  /// Something was read in this life of the agent: last() is a reading, not its beginning.
  [[nodiscard]] bool seen() const { return seen_; }
  /// So much time passed in which nobody could have read, or been seen to.
  void skip(Duration gap) {
    last_ += gap;
    grown_ += gap;
  }

  /// It did something else that shows it is not stuck.
  void alive(MonoTime now) { last_ = std::max(last_, now); }

  [[nodiscard]] bool reached() const { return reached_; }
  [[nodiscard]] std::uint64_t covered() const { return covered_; }
  [[nodiscard]] MonoTime last() const { return last_; }
  /// When it last read what it had not read before: a firmware that looks at the medium reads nothing new.
  [[nodiscard]] MonoTime grown() const { return grown_; }

  /// `since`: it was told to boot.
  [[nodiscard]] bool never_read(MonoTime since, MonoTime now, Duration first_read) const {
    return !reached_ && now - since >= first_read;
  }
  /// How long this one may be silent: `stall`, and up to twice that after long pauses, or when it has read
  /// little, because it runs from memory or takes its packages from elsewhere.
  [[nodiscard]] Duration patience(Duration stall) const {
    if (covered_ < size_ / 10 && !packages_) return 2 * stall;
    return std::clamp(3 * longest_pause_, stall, 2 * stall);
  }
  [[nodiscard]] bool stalled(MonoTime since, MonoTime now, Duration stall) const {
    return now - std::max(last_, since) >= patience(stall);
  }
  /// So long it must have read nothing new to have come to the end of it, by what its own pauses were.
  [[nodiscard]] Duration longest_lull() const {
    return std::max<Duration>(std::chrono::seconds(30), 2 * longest_pause_);
  }
  /// No more of the medium is going to be read: all of it was, or it is silent for too long to come back.
  [[nodiscard]] bool finished(MonoTime now, Duration stall) const {
    const bool all = size_ > 0 && covered_ >= size_;
    return reached_ && (all || now - last_ >= std::clamp(3 * longest_pause_, stall, 2 * stall));
  }

 private:
  bool reached_ = false;
  bool seen_ = false;
  bool packages_ = false;
  std::uint64_t covered_ = 0;
  std::uint64_t size_ = 0;
  MonoTime last_;
  MonoTime grown_;
  Duration longest_pause_{};
};

}  // namespace metalmesh::install
