// The thinking half of a node: deterministic, single-threaded, no IO. The same inputs with the same
// times, rows and entropy give the same outcomes, which is what lets tests/sim replay a whole mesh.
#pragma once

#include "common/turn/outcome.h"

namespace metalmesh {

class DecisionCore {
 public:
  virtual ~DecisionCore() = default;
  /// Runs to completion. Never throws; a programmer error stops the process.
  [[nodiscard]] virtual Outcome handle(const Input& input, const Now& now) = 0;
};

}  // namespace metalmesh
