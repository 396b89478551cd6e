// The virtual clock: events in the order of their time, ties in the order they were asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "common/base/time.h"

namespace metalmesh::sim {

class EventQueue {
 public:
  [[nodiscard]] MonoTime now() const { return now_; }
  /// The true wall time, which no node is shown.
  [[nodiscard]] WallTime wall() const { return WallTime(wall_at_zero + now_.time_since_epoch()); }
  void after(Duration delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
  void at(MonoTime when, std::function<void()> what);
  /// Runs the next event if there is one up to `until`; otherwise moves the clock there and returns false.
  bool run_one(MonoTime until);
  [[nodiscard]] std::uint64_t ran() const { return ran_; }

 private:
  struct Event {
    MonoTime when;
    std::uint64_t order;
    std::function<void()> what;
  };
  static constexpr Duration wall_at_zero = std::chrono::hours(24 * 365 * 56);
  std::vector<Event> heap_;
  MonoTime now_{std::chrono::hours(1)};
  std::uint64_t next_order_ = 0;
  std::uint64_t ran_ = 0;
};

}  // namespace metalmesh::sim
