#include <gtest/gtest.h>

#include "tests/sim/swarm_run.h"

namespace metalmesh::sim {
namespace {

constexpr std::uint64_t seeds = 1000;

std::string told(const SwarmReport& report) {
  std::string text = summary(report);
  for (const auto& [seed, violations] : report.violations) {
    text += "mesh_sim --trace --seed " + std::to_string(seed) + "\n";
    for (const std::string& violation : violations) text += "  " + violation + "\n";
  }
  return text;
}

TEST(Swarm, a_thousand_kinds_of_weather_break_no_promise) {
  const SwarmReport report = run_swarm({.first = 1, .last = seeds});
  EXPECT_TRUE(report.violations.empty()) << told(report);
  // A rule that was never put to the test proves nothing.
  const Sightings& seen = report.sightings;
  EXPECT_GT(seen.succeeded, seeds) << told(report);
  EXPECT_GT(seen.repeated_generations, 100U) << told(report);
  EXPECT_GT(seen.failed, 100U) << told(report);
  EXPECT_GT(seen.cancelled, 20U) << told(report);
  EXPECT_GT(seen.cancelled_too_late, 5U) << told(report);
  EXPECT_GT(seen.crashes, 5 * seeds) << told(report);
  EXPECT_GT(seen.self_resets_with_medium, 100U) << told(report);
  std::cout << summary(report);
}

TEST(Swarm, equal_seeds_give_equal_runs) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const RunResult first = run_seed({.seed = seed});
    const RunResult second = run_seed({.seed = seed});
    EXPECT_EQ(first.trace_hash, second.trace_hash) << "seed " << seed;
    EXPECT_EQ(first.events, second.events) << "seed " << seed;
  }
  EXPECT_NE(run_seed({.seed = 1}).trace_hash, run_seed({.seed = 2}).trace_hash);
}

TEST(Swarm, catches_a_media_server_without_a_fence) {
  EXPECT_FALSE(run_swarm({.first = 1, .last = 20, .plant = Plant::no_fence}).violations.empty());
}

TEST(Swarm, catches_a_controller_that_acks_before_it_syncs) {
  EXPECT_FALSE(run_swarm({.first = 1, .last = 20, .plant = Plant::ack_before_sync}).violations.empty());
}

}  // namespace
}  // namespace metalmesh::sim
