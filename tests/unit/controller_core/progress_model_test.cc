// One percent per deployment: it never falls, it is 100 only with proof, and an end is foretold only where
// earlier installs tell of one.
#include "controller/core/progress_model.h"

#include <gmock/gmock.h>

#include "common/base/random.h"
#include "common/ports/wire_time.h"
#include "controller/state/deployment_states.h"

namespace metalmesh::controller {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

WallTime at(Duration since) { return WallTime(std::chrono::hours(1000) + since); }

rest::Deployment running(wire::Stage stage = wire::WATCH) {
  rest::Deployment d;
  d.set_state(std::string(states::running));
  d.set_stage(stage);
  return d;
}

rest::Deployment launched(std::uint64_t read, std::uint64_t size) {
  rest::Deployment d = running();
  d.set_launched(true);
  *d.mutable_launched_at() = to_wire(at({}));
  d.set_bytes_read(read);
  d.set_media_size(size);
  return d;
}

std::uint32_t percent(rest::Deployment d, const LiveSigns& signs = {},
                      const std::optional<InstallFigures>& earlier = {}, Duration since = {}) {
  advance_progress(d, signs, earlier, at(since));
  return d.percent();
}

const InstallFigures ten_minutes{
    .installs = 5, .to_launch = minutes(3), .run = minutes(10), .bytes_read = 1000, .package_bytes = 1000};

TEST(Progress, StagesReadsAndTheNewSystemEachHaveTheirPart) {
  EXPECT_EQ(percent(running(wire::QUEUED)), 0U);
  EXPECT_EQ(percent(running(wire::INSERT)), 4U);
  EXPECT_EQ(percent(running(wire::WATCH)), 7U);
  EXPECT_EQ(percent(launched(0, 1000)), 10U);
  EXPECT_EQ(percent(launched(500, 1000)), 49U);
  EXPECT_EQ(percent(launched(1000, 1000)), 88U);
  EXPECT_EQ(percent(running(wire::FINALISE)), 90U);
  EXPECT_EQ(percent(running(wire::VERIFY)), 93U);
  EXPECT_EQ(percent(running(wire::VERIFY), {wire::PROOF_NONE, "OSBootStarted", 0}), 95U);
  EXPECT_EQ(percent(running(wire::VERIFY), {wire::PROOF_NONE, "OSRunning", 0}), 97U);
  EXPECT_EQ(percent(running(wire::VERIFY), {wire::PROOF_CALLBACK, "", 0}), 98U);
  EXPECT_EQ(percent(running(wire::CLEANUP)), 0U) << "a failure leads there from anywhere";
}

TEST(Progress, EarlierInstallsWeighInWithTimeAndPackages) {
  rest::Deployment d = launched(500, 100'000);
  d.set_package_bytes(500);
  EXPECT_EQ(percent(d, {}, ten_minutes, minutes(5)), 49U);
  EXPECT_EQ(percent(d, {}, ten_minutes, minutes(600)), 68U) << "time alone does not finish it";
}

TEST(Progress, TheEndIsForetoldByEarlierInstallsOnly) {
  rest::Deployment d = launched(1, 1000);
  advance_progress(d, {}, std::nullopt, at(minutes(1)));
  EXPECT_FALSE(d.has_eta());
  advance_progress(d, {}, ten_minutes, at(minutes(1)));
  EXPECT_EQ(from_wire(d.eta()), at(minutes(10)));
  EXPECT_EQ(d.eta_from(), 5U);
  advance_progress(d, {}, ten_minutes, at(minutes(11)));
  EXPECT_FALSE(d.has_eta()) << "it takes longer than they did: nobody knows";
  rest::Deployment early = running(wire::CONNECT);
  advance_progress(early, {}, ten_minutes, at({}));
  EXPECT_FALSE(early.has_eta()) << "not begun";
  *early.mutable_started() = to_wire(at({}));
  advance_progress(early, {}, ten_minutes, at({}));
  EXPECT_EQ(from_wire(early.eta()), at(minutes(13)));
  early.set_state(std::string(states::failed));
  advance_progress(early, {}, ten_minutes, at({}));
  EXPECT_FALSE(early.has_eta());
}

TEST(Progress, NeverFallsAndEndsAtHundredOnlyWithSuccess) {
  constexpr std::array stages = {wire::QUEUED,  wire::PREPARING, wire::CONNECT,   wire::INSERT,
                                 wire::POWER,   wire::WATCH,     wire::FINALISE,  wire::VERIFY,
                                 wire::CLEANUP, wire::DONE,      wire::BOOT_ONCE, wire::PREFLIGHT};
  constexpr std::array ends = {states::unproven, states::failed, states::cancelled, states::indeterminate,
                               states::succeeded};
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    Random random(seed);
    const auto earlier = random.below(2) == 0 ? std::nullopt : std::optional(ten_minutes);
    rest::Deployment d = running(wire::QUEUED);
    Duration now{};
    for (int step = 0; step < 60; ++step) {
      const std::uint32_t before = d.percent();
      // Facts and samples in any order, some of them from long ago, clocks that step back among them.
      now += seconds(static_cast<std::int64_t>(random.below(120)) - 20);
      if (random.below(3) == 0) d.set_stage(stages[random.below(stages.size())]);
      if (random.below(5) == 0) d.set_launched(random.below(4) != 0);
      if (random.below(9) == 0) *d.mutable_launched_at() = to_wire(at(seconds(random.below(4000))));
      d.set_bytes_read(random.below(3000));
      d.set_media_size(random.below(2000));
      d.set_package_bytes(random.below(3000));
      const LiveSigns signs{static_cast<wire::ProofGrade>(random.below(5)),
                            random.below(2) == 0 ? "OSRunning" : "",
                            static_cast<std::uint32_t>(random.below(300))};
      advance_progress(d, signs, earlier, at(now));
      ASSERT_GE(d.percent(), before) << "seed " << seed << " step " << step;
      ASSERT_LT(d.percent(), 100U) << "seed " << seed << " step " << step;
      ASSERT_TRUE(!d.has_eta() || (earlier && from_wire(d.eta()) >= at(now))) << "seed " << seed;
    }
    const std::string_view end = ends[random.below(ends.size())];
    d.set_state(std::string(end));
    advance_progress(d, {}, earlier, at(now));
    ASSERT_EQ(d.percent() == 100, end == states::succeeded) << "seed " << seed;
    ASSERT_FALSE(d.has_eta());
  }
}

TEST(InstallHistory, GivesMediansOfWhatSucceeded) {
  InstallHistory history;
  const auto add = [&](int run_minutes, std::string_view state = states::succeeded,
                       const char* profile = "base@1") {
    rest::Deployment d = launched(static_cast<std::uint64_t>(run_minutes) * 100, 0);
    d.set_site("par1");
    d.set_state(std::string(state));
    *d.mutable_started() = to_wire(at(-minutes(2)));
    *d.mutable_ran() = to_wire(Duration(minutes(run_minutes)));
    *d.mutable_ended() = to_wire(at(minutes(run_minutes)));
    history.add(d, profile, "sha");
  };
  EXPECT_FALSE(history.of("par1", "base"));
  add(20);
  add(10, states::succeeded, "base@2");
  add(90);
  add(1, states::failed);
  add(1, states::succeeded, "other@1");
  const auto figures = history.of("par1", "base@3");
  ASSERT_TRUE(figures);
  EXPECT_EQ(figures->installs, 3U);
  EXPECT_EQ(figures->run, minutes(20));
  EXPECT_EQ(figures->to_launch, minutes(2));
  EXPECT_EQ(figures->bytes_read, 2000U);
  EXPECT_FALSE(history.of("ams1", "base"));
  for (int i = 0; i < 40; ++i) add(100 + i);
  EXPECT_EQ(history.of("par1", "base")->installs, 31U) << "the newest";
  add(-5);
  EXPECT_EQ(history.of("par1", "base")->installs, 31U) << "its clock was set meanwhile";
}

TEST(InstallHistory, KnowsWhatInstallsOfAnImageReadWhateverOneSiteSays) {
  InstallHistory history;
  const auto add = [&](const char* site, std::uint64_t bytes, const char* profile = "base@1",
                       std::string_view state = states::succeeded) {
    rest::Deployment d;
    d.set_site(site);
    d.set_bytes_read(bytes);
    d.set_state(std::string(state));
    history.add(d, profile, "sha");
  };
  EXPECT_EQ(history.usual_reads("sha", "base@1"), 0U);
  add("par1", 900, "base@1", states::unproven);
  EXPECT_EQ(history.usual_reads("sha", "base@1"), 0U) << "nobody knows yet that it was an end";
  add("par1", 2000);
  add("par1", 2200);
  EXPECT_EQ(history.usual_reads("sha", "base@1"), 2000U);
  add("ams1", 1);
  EXPECT_EQ(history.usual_reads("sha", "base@1"), 2000U) << "another site makes it no smaller";
  EXPECT_EQ(history.usual_reads("sha", "base@2"), 0U);
  EXPECT_EQ(history.usual_reads("other", "base@1"), 0U);
}

}  // namespace
}  // namespace metalmesh::controller
