// Cuts a failing scenario down: whatever can be left out while the same invariant is still broken.
#pragma once

#include <optional>
#include <string>

#include "tests/sim/swarm_run.h"

namespace metalmesh::sim {

struct Shrunk {
  Cuts cuts;
  Violation violation;
  unsigned runs = 0;
};

/// Nothing when the seed does not fail. Deterministic; takes a few dozen runs.
std::optional<Shrunk> shrink(std::uint64_t seed, Cuts cuts, Defect defect);

}  // namespace metalmesh::sim
