// Timers by name: arming a token again replaces it.
#pragma once

#include <string>

#include "common/base/time.h"

namespace metalmesh {

struct TimerArm {
  std::string token;
  MonoTime at;
  bool operator==(const TimerArm&) const = default;
};
struct TimerDisarm {
  std::string token;
  bool operator==(const TimerDisarm&) const = default;
};
/// May still arrive after a disarm that crossed it: cores must tolerate a stale one.
struct TimerFired {
  std::string token;
  bool operator==(const TimerFired&) const = default;
};

class Timers {
 public:
  virtual ~Timers() = default;
  virtual void arm(TimerArm timer) = 0;
  virtual void disarm(TimerDisarm timer) = 0;
};

}  // namespace metalmesh
