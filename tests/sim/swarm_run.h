// Many seeds, side by side: each run is single-threaded and knows nothing of the others.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/planted.h"
#include "tests/sim/run.h"

namespace metalmesh::sim {

struct SwarmRun {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
  bool print = false;
  Cuts cuts;
  const KeyRing* keys = nullptr;
  Defect defect = Defect::none;  // only the program with planted defects can do anything but none
  bool stop_at_first = false;    // violation
  std::set<std::uint64_t> skip;  // seeds that are not run
  unsigned threads = 0;          // 0: one per core
};

struct SwarmReport {
  std::map<std::uint64_t, std::vector<Violation>> violations;  // by seed
  Marks marks;
  std::uint64_t seeds = 0;
  std::uint64_t sites = 0;
  std::uint64_t servers = 0;
  std::uint64_t events = 0;
  std::uint64_t combined_hash = 0;  // of all traces, whatever their order
  double virtual_hours = 0;
  double seconds = 0;
};

SwarmReport run_swarm(const SwarmRun& run);
std::string summary(const SwarmReport& report);

}  // namespace metalmesh::sim
