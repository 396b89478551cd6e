#pragma once

#include "common/base/time.h"

namespace metalmesh {

/// Only the turn asks; cores are told.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Now now() = 0;
};

}  // namespace metalmesh
