#include "tests/sim/shrink.h"

#include <utility>

#include "tests/sim/swarm.h"

namespace metalmesh::sim {
namespace {

/// Sizes of a scenario, and the largest that is ever drawn.
constexpr std::pair<unsigned Cuts::*, unsigned> sizes[] = {
    {&Cuts::sites, 3}, {&Cuts::servers, 3}, {&Cuts::minutes, 80}};

class Shrinker {
 public:
  Shrinker(std::uint64_t seed, Cuts cuts, Defect defect) : seed_(seed), defect_(defect) {
    best_.cuts = std::move(cuts);
  }

  std::optional<Shrunk> run() {
    if (!still_fails(best_.cuts)) return std::nullopt;
    // What is left out late may have hidden what could have been left out early: until nothing changes.
    for (bool smaller = true; smaller;) {
      smaller = leave_out_faults();
      for (const auto& [what, most] : sizes) smaller |= lower(what, most);
    }
    return best_;
  }

 private:
  bool still_fails(const Cuts& cuts) {
    ++best_.runs;
    const SwarmReport report =
        run_swarm({.first = seed_, .last = seed_, .cuts = cuts, .defect = defect_, .threads = 1});
    if (report.violations.empty()) return false;
    const Violation& found = report.violations.begin()->second.front();
    if (!best_.violation.invariant.empty() && found.invariant != best_.violation.invariant) return false;
    best_.violation = found;
    best_.cuts = cuts;
    return true;
  }

  bool leave_out_faults() {
    bool smaller = false;
    for (const FaultClass& fault : fault_classes()) {
      if (best_.cuts.without.contains(std::string(fault.name))) continue;
      Cuts cuts = best_.cuts;
      cuts.without.emplace(fault.name);
      smaller |= still_fails(cuts);
    }
    return smaller;
  }

  bool lower(unsigned Cuts::* what, unsigned most) {
    const unsigned now = best_.cuts.*what == 0 ? most : best_.cuts.*what;
    bool smaller = false;
    for (unsigned next = now / 2; next > 0; next = (best_.cuts.*what) / 2) {
      Cuts cuts = best_.cuts;
      cuts.*what = next;
      if (!still_fails(cuts)) break;
      smaller = true;
    }
    return smaller;
  }

  std::uint64_t seed_;
  Defect defect_;
  Shrunk best_;
};

}  // namespace

std::optional<Shrunk> shrink(std::uint64_t seed, Cuts cuts, Defect defect) {
  return Shrinker(seed, std::move(cuts), defect).run();
}

}  // namespace metalmesh::sim
