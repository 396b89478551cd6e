// When a child that ended is started again: soon after a single mishap, later and later while it keeps dying,
// soon again once it has lived for a while. Pure.
#pragma once

#include "common/base/backoff.h"
#include "common/base/random.h"
#include "common/base/time.h"

namespace metalmesh::up {

class RestartPlan {
 public:
  explicit RestartPlan(std::uint64_t seed) : random_(seed) {}

  void started(MonoTime now) { started_ = now; }
  /// It ended at `now`; the answer is when to start it again.
  MonoTime ended(MonoTime now) {
    if (now - started_ >= long_life) deaths_ = 0;
    return now + backoff.delay(++deaths_, random_);
  }

  static constexpr Duration long_life = std::chrono::seconds(60);
  static constexpr Backoff backoff{.first = std::chrono::milliseconds(500), .most = std::chrono::seconds(30)};

 private:
  Random random_;
  MonoTime started_{};
  unsigned deaths_ = 0;
};

}  // namespace metalmesh::up
