// What readings of the host's PowerState amount to. One reading proves nothing: it may be a glitch, or old.
// A missing or unreadable one is no reading at all. Pure; times are handed in.
#pragma once

#include <optional>
#include <string_view>

#include "common/base/time.h"

namespace metalmesh::work {

class PowerWatch {
 public:
  /// Anything but "On", "PoweringOn" and "Off" tells neither.
  void saw(std::string_view power, MonoTime now) {
    if (power == "Off") {
      if (offs_++ == 0) off_since_ = now;
      off_last_ = now;
    } else if (power == "On" || power == "PoweringOn") {
      // Before the first On it may still be the one from before the power-on.
      came_back_ = came_back_ || (on_last_ && offs_ >= 2);
      glimpsed_off_ = glimpsed_off_ || (on_last_ && offs_ > 0);
      offs_ = 0;
      on_last_ = now;
    }
  }
  /// Another sign shows that it was not off.
  void doubt_off() {
    glimpsed_off_ = glimpsed_off_ || offs_ > 0;
    offs_ = 0;
  }

  [[nodiscard]] bool on_seen() const { return on_last_.has_value(); }
  [[nodiscard]] std::optional<MonoTime> on_last() const { return on_last_; }
  /// Off in at least two readings in a row, the last of them at least `apart` after the first.
  [[nodiscard]] bool off(Duration apart) const { return offs_ >= 2 && off_last_ - off_since_ >= apart; }
  [[nodiscard]] bool maybe_off() const { return offs_ > 0; }
  [[nodiscard]] MonoTime off_since() const { return off_since_; }
  /// It was On, then Off, twice, and then on again.
  [[nodiscard]] bool came_back() const { return came_back_; }
  /// One reading said Off, and the next ones did not.
  [[nodiscard]] bool glimpsed_off() const { return glimpsed_off_; }

 private:
  int offs_ = 0;
  bool came_back_ = false;
  bool glimpsed_off_ = false;
  MonoTime off_since_;
  MonoTime off_last_;
  std::optional<MonoTime> on_last_;
};

}  // namespace metalmesh::work
