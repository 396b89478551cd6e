// One seed from beginning to end, in two phases: first its weather, in which nothing may be unsafe, then a
// healed world, in which everything must come to an end within a bound. Equal seeds give equal runs, to the
// byte.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/marks.h"
#include "tests/sim/sim_keys.h"
#include "tests/sim/trace.h"

namespace metalmesh::sim {

/// What a seed's scenario is cut down to.
struct Cuts {
  std::set<std::string> without;  // names of fault_classes()
  unsigned sites = 0;             // at most; 0: as drawn
  unsigned servers = 0;           // per site
  unsigned minutes = 0;           // of weather
  std::string story;              // every seed tells this one (stories.h)

  /// As options of the command line.
  [[nodiscard]] std::string words() const;
};

struct RunOptions {
  std::uint64_t seed = 1;
  bool print = false;
  Cuts cuts;
  const KeyRing* keys = nullptr;  // cheap ones when null
};

struct RunResult {
  std::vector<Violation> violations;
  std::uint64_t trace_hash = 0;
  std::uint64_t events = 0;
  Duration virtual_time{};
  unsigned sites = 0;
  unsigned servers = 0;
  Marks marks;
};

RunResult run_seed(const RunOptions& options);

}  // namespace metalmesh::sim
