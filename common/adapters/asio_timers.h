// ports/timers on the Asio thread. Deadlines are CLOCK_BOOTTIME, which Asio's own timers do not know (their
// clock stands still while the machine is suspended), so one timerfd holds the earliest of them.
//
// arm and disarm are safe from any thread. Due tokens are delivered in the order of these deadlines. Nothing
// is delivered after the destructor has returned.
#pragma once

#include <memory>

#include "common/adapters/asio_runtime.h"
#include "common/base/time.h"
#include "common/ports/sink.h"
#include "common/ports/timers.h"

namespace metalmesh::adapters {

/// When a timer for `at` that is armed `now` fires: never early; one of a second and more is late by a
/// sixteenth of its delay and by 256 ms at most. Such timers share a grid, so that hundreds of polls wake an
/// idle processor a few times a second and not hundreds of times.
MonoTime alarm_of(MonoTime at, MonoTime now);

class AsioTimers final : public Timers {
 public:
  AsioTimers(AsioRuntime& runtime, Sink& sink);
  ~AsioTimers() override;
  void arm(TimerArm timer) override;
  void disarm(TimerDisarm timer) override;

 private:
  struct State;
  AsioRuntime& runtime_;
  std::shared_ptr<State> state_;
};

}  // namespace metalmesh::adapters
