// Whether a host has restarted while it may still be installing. Its power seldom shows it: a warm start is On
// throughout. Signs are of four kinds: firmware that speaks (BootProgress) after an operating system ran, readings
// of Off, a firmware that looked for something to start on the sealed medium, and a port that answers where it was
// closed. Two readings of one of the first two kinds are a restart, or one sign each of any two kinds: an installer
// that copies its own boot loader looks like a firmware at the medium, and one reading may be a glitch. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "agents/work/power_watch.h"

namespace metalmesh::install {

class RestartWatch {
 public:
  /// A reading of BootProgress; empty: it tells nothing.
  void saw(std::string_view progress) {
    constexpr std::array<std::string_view, 6> firmware = {"PrimaryProcessorInitializationStarted",
                                                          "BusInitializationStarted",
                                                          "MemoryInitializationStarted",
                                                          "SecondaryProcessorInitializationStarted",
                                                          "PCIResourceConfigStarted",
                                                          "SystemHardwareInitializationComplete"};
    if (progress == "OSRunning" || progress == "OSBootStarted") os_ran_ = true;
    const bool speaks = os_ran_ && std::ranges::find(firmware, progress) != firmware.end();
    firmware_ = speaks ? firmware_ + 1 : 0;
  }
  void medium_tried(MonoTime now) {
    if (!of_the_last(now)) tried_ = now;
  }
  void port_answers(MonoTime now) {
    if (!of_the_last(now)) answered_ = now;
  }

  /// An operating system was seen to run since the last start, and no sign of another start.
  [[nodiscard]] bool os_runs() const { return os_ran_ && firmware_ == 0; }
  /// One more reading, soon, may tell.
  [[nodiscard]] bool suspects() const { return firmware_ == 1; }
  [[nodiscard]] bool restarted(const work::PowerWatch& power, MonoTime now) const {
    if (firmware_ >= 2 || power.came_back()) return true;
    const auto lately = [now](const std::optional<MonoTime>& sign) {
      return sign && now - *sign < longest_start;
    };
    const int kinds = (firmware_ > 0 ? 1 : 0) + (power.glimpsed_off() ? 1 : 0) + (lately(tried_) ? 1 : 0) +
                      (lately(answered_) ? 1 : 0);
    return kinds >= 2;
  }
  /// One is known by now: what it still brings about is no other one.
  void begin_anew(MonoTime now) {
    *this = RestartWatch{};
    counted_ = now;
  }

 private:
  /// From the first sign of a start to the last.
  static constexpr Duration longest_start = std::chrono::minutes(10);

  /// A start looks at the medium, and opens ports, long after it was first seen.
  [[nodiscard]] bool of_the_last(MonoTime now) const { return counted_ && now - *counted_ < longest_start; }

  std::optional<MonoTime> counted_;
  bool os_ran_ = false;
  int firmware_ = 0;  // readings in a row
  std::optional<MonoTime> tried_;
  std::optional<MonoTime> answered_;
};

}  // namespace metalmesh::install
