#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "tests/sim/shrink.h"
#include "tests/sim/swarm_run.h"

namespace metalmesh::sim {
namespace {

constexpr std::uint64_t seeds = 15;

std::string told(const SwarmReport& report) {
  std::string text = summary(report);
  for (const auto& [seed, violations] : report.violations) {
    text += "mesh_sim --trace --seed " + std::to_string(seed) + "\n";
    for (const Violation& violation : violations)
      text += "  " + violation.invariant + ": " + violation.what + "\n";
  }
  return text;
}

TEST(Swarm, many_kinds_of_weather_break_no_promise) {
  const SwarmReport report = run_swarm({.first = 1, .last = seeds});
  EXPECT_TRUE(report.violations.empty()) << told(report);
  EXPECT_THAT(never_hit(report.marks, seeds), testing::IsEmpty()) << table_of(report.marks);
  std::cout << summary(report);
}

TEST(Swarm, equal_seeds_give_equal_runs) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    const RunResult first = run_seed({.seed = seed});
    const RunResult second = run_seed({.seed = seed});
    EXPECT_EQ(first.trace_hash, second.trace_hash) << "seed " << seed;
    EXPECT_EQ(first.events, second.events) << "seed " << seed;
  }
  EXPECT_NE(run_seed({.seed = 1}).trace_hash, run_seed({.seed = 2}).trace_hash);
}

TEST(Swarm, leaving_a_fault_out_changes_the_run_and_stays_reproducible) {
  Cuts cuts;
  cuts.without = {"loss", "crash"};
  cuts.sites = 1;
  const RunResult cut = run_seed({.seed = 3, .cuts = cuts});
  EXPECT_EQ(cut.sites, 1U);
  EXPECT_NE(cut.trace_hash, run_seed({.seed = 3}).trace_hash);
  EXPECT_EQ(cut.trace_hash, run_seed({.seed = 3, .cuts = cuts}).trace_hash);
}

}  // namespace
}  // namespace metalmesh::sim
