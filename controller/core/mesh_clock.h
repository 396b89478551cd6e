// The time that the controller decides by, and that agents learn from it. Its machine's wall clock is
// believed as far as the monotone clock agrees (common/base/time_keeper.h); across restarts, with what was
// written down last. While it is doubted nothing is handed out and no time is told; when a clock that was set
// back has settled, what was promised as a span (start_by, launch_by, a protection that is off for an hour)
// moves along.
#pragma once

#include <optional>

#include "common/base/time_keeper.h"
#include "controller/core/work.h"

namespace metalmesh::controller {

class MeshClock {
 public:
  /// At each input, with the machine's clocks. The time to decide by: the same, with another wall interval.
  Now look(const Now& machine, const InnerState& stored);
  /// After `look`: while it is doubted nothing is handed out; a time that is believed anew is written down
  /// before anything is decided by it.
  void hold(Work& work);
  /// Every second or so: tells what was found, and ends a doubt.
  void settle(Work& work);
  /// Writes down what time it is: when a life begins, with rows that are written anyway when the last time is
  /// old, alone when it is very old.
  void keep(Work& work);

 private:
  void resume(const Now& machine, const InnerState& stored);
  void tell(Work& work, std::string message) const;

  TimeKeeper keeper_{std::chrono::minutes(10)};
  TimeKeeper::Heard heard_ = TimeKeeper::Heard::fits;
  Duration set_by_{};
  bool resumed_ = false;
  std::optional<MonoTime> kept_at_;  // in this life
};

}  // namespace metalmesh::controller
