// Starts children one after the other, waits until each is really ready, starts again those that die, and
// stops all of them in reverse order. Everything happens on the thread that calls; signals are waited for
// between steps.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/ports/clock.h"
#include "controller/up/child.h"
#include "controller/up/log_tail.h"
#include "controller/up/restart_plan.h"

namespace metalmesh::up {

struct Ward {
  std::string name;  // for people
  Command command;
  /// True once it does its work. Called again and again, also after a restart; must answer within seconds.
  std::function<bool()> ready;
  /// Called right before each start.
  std::function<void()> starting = [] {};
};

class Supervisor {
 public:
  /// Blocks SIGTERM, SIGINT, SIGHUP and SIGCHLD for this thread. `say` gets one line at a time.
  Supervisor(Clock& clock, std::function<void(const std::string&)> say);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Returns when it is ready. Fails with the end of its log when it ends before that or takes too long, and
  /// with kind unavailable when a person wants to stop.
  Status start(Ward ward);
  /// Looks after all of them until a signal asks to stop.
  void watch();
  /// In reverse order, each with time to end by itself; a second signal ends that patience.
  void stop();

 private:
  struct Kept;
  /// Sleeps until a signal or `patience` is over; remembers that somebody wants to stop.
  void wait(Duration patience);
  void look_after(Kept& kept);
  void show_news(Kept& kept);
  void let_end(Kept& kept);

  Clock& clock_;
  std::function<void(const std::string&)> say_;
  std::vector<std::unique_ptr<Kept>> kept_;
  unsigned stop_signals_ = 0;
};

}  // namespace metalmesh::up
