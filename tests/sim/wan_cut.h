// One long cut: a site installs hundreds of servers while nobody hears it, and then tells all of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "tests/sim/trace.h"

namespace metalmesh::sim {

struct WanCut {
  std::uint64_t seed = 1;
  unsigned servers = 500;
  Duration length = std::chrono::hours(72);
};

struct WanCutResult {
  std::vector<Violation> violations;
  std::uint64_t ended_in_the_dark = 0;  // jobs whose end was journalled during the cut
  std::uint64_t events_waiting = 0;     // in the outbox when the line came back
  std::size_t store_bytes = 0;          // of the agent, at most
  Duration to_drain{};
};

/// What the agent's store may grow to: journal, jobs and fences.
constexpr std::size_t store_bound(unsigned servers) {
  return std::size_t{6} * 1024 * servers + std::size_t{1} * 1024 * 1024;
}

WanCutResult run_wan_cut(const WanCut& cut);
std::string summary(const WanCut& cut, const WanCutResult& result);

}  // namespace metalmesh::sim
