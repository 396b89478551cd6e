// Where every adapter delivers what happened; implemented by turn/input_queue. Safe from any thread,
// never blocks for long, never calls back.
#pragma once

#include "common/ports/input.h"

namespace metalmesh {

class Sink {
 public:
  virtual ~Sink() = default;
  virtual void deliver(Input input) = 0;
};

}  // namespace metalmesh
