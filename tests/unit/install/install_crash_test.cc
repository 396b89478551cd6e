// The agent dies at every BMC request, before and after the BMC executed it, and goes on from its rows.
#include "tests/unit/install/world.h"

namespace metalmesh::install {
namespace {

/// Fewer polls, so that every request can be a place to die.
void shorten(World& world) {
  world.install_time = 20s;
  world.post_time = 5s;
}

struct Scenario {
  const char* name;
  void (*set)(World&);
  wire::Ended::Outcome outcome;
  int launches;
};

class InstallCrash : public testing::TestWithParam<Scenario> {};

TEST_P(InstallCrash, EndsTheSameWhereverTheAgentDies) {
  World reference;
  shorten(reference);
  GetParam().set(reference);
  ASSERT_TRUE(reference.run());
  ASSERT_EQ(reference.ended().outcome(), GetParam().outcome) << reference.ended().ShortDebugString();
  ASSERT_GT(reference.requests, 8);

  for (int at = 0; at < reference.requests; ++at) {
    for (const bool executed : {false, true}) {
      SCOPED_TRACE("request " + std::to_string(at) + (executed ? ", executed" : ", not executed"));
      World world;
      shorten(world);
      GetParam().set(world);
      world.crash = {at, executed};
      ASSERT_TRUE(world.run());
      EXPECT_EQ(world.crashes, 1);
      EXPECT_EQ(world.violation, "");
      EXPECT_EQ(world.launches, GetParam().launches);
      EXPECT_EQ(world.ended().outcome(), GetParam().outcome) << world.ended().ShortDebugString();
      EXPECT_EQ(world.bmc.image, "");
      EXPECT_EQ(world.bmc.second_image, "");
      // A session whose creation was never answered has no known name; it times out at the BMC.
      EXPECT_LE(world.bmc.sessions.size(), executed ? 1U : 0U);
      EXPECT_EQ(world.job.session_uris_size(), 0);
      EXPECT_EQ(world.bmc.boot_enabled, "Disabled");
      const auto ends =
          std::count_if(world.told.begin(), world.told.end(), [](const auto& e) { return e.has_ended(); });
      EXPECT_EQ(ends, 1);
      // Into the installer once, into the new system once.
      if (GetParam().launches == 1) {
        EXPECT_EQ(world.count("reset On"), 2);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, InstallCrash,
    testing::Values(
        Scenario{"FromOff", [](World&) {}, wire::Ended::SUCCEEDED, 1},
        Scenario{"FromOn",
                 [](World& w) {
                   w.bmc.power = "On";
                   w.job.mutable_agreed()->mutable_install()->set_power(wire::FORCE);
                 },
                 wire::Ended::SUCCEEDED, 1},
        Scenario{"SecondMedium", [](World& w) { w.use_second(wire::SecondMedium::ISO); },
                 wire::Ended::SUCCEEDED, 1},
        Scenario{"InsertByTask", [](World& w) { w.bmc.insert_by_task = true; }, wire::Ended::SUCCEEDED, 1},
        Scenario{"PowerStateLags", [](World& w) { w.bmc.power_lag_reads = 3; }, wire::Ended::SUCCEEDED, 1},
        Scenario{"NeverRead", [](World& w) { w.media_reachable = false; }, wire::Ended::FAILED, 0},
        Scenario{"Cancelled", [](World& w) { w.post_time = 60s, w.cancel_at = 30s; }, wire::Ended::CANCELLED,
                 0}),
    [](const auto& param) { return std::string(param.param.name); });

// The power-on was refused once, the agent died, and meanwhile the host went on by itself: it may be at our
// medium.
TEST(InstallCrashAndHostOn, PowersOffOnlyBehindAShutFence) {
  int forced_off = 0;
  for (int at = 0; at < 60; ++at) {
    SCOPED_TRACE("request " + std::to_string(at));
    World world;
    shorten(world);
    world.job.mutable_agreed()->mutable_install()->set_power(wire::FORCE);
    world.bmc.reset_conflicts = 1;
    world.turns_itself_on_at_crash = true;
    world.crash = {at, false};
    ASSERT_TRUE(world.run());
    EXPECT_EQ(world.violation, "");
    EXPECT_LE(world.launches, 1);
    forced_off += world.count("reset ForceOff");
  }
  EXPECT_GT(forced_off, 0);
}

// The insert was answered, its slot still reads as empty, and the next life has nothing to do but clean up.
TEST(InstallCrashAndSlotLag, EjectsWhatShowsUpLate) {
  for (int at = 0; at < 30; ++at) {
    for (const bool executed : {false, true}) {
      SCOPED_TRACE("request " + std::to_string(at) + (executed ? ", executed" : ""));
      World world;
      shorten(world);
      world.bmc.lagging_reads = 6;
      const auto check = world.bmc.on_change;
      world.bmc.on_change = [&](const std::string& change) {
        if (change == "insert" && !world.cancel_at) world.cancel_at = world.now.mono - MonoTime(1h) + 1ms;
        check(change);
      };
      world.crash = {at, executed};
      ASSERT_TRUE(world.run());
      EXPECT_EQ(world.violation, "");
      EXPECT_EQ(world.bmc.image, "") << "the medium was left behind";
    }
  }
}

TEST(InstallCrashTwice, AtAnyTwoRequests) {
  World reference;
  shorten(reference);
  ASSERT_TRUE(reference.run());
  for (int at = 0; at < reference.requests; ++at) {
    for (int gap = 1; gap < 12; ++gap) {
      SCOPED_TRACE(std::to_string(at) + " and " + std::to_string(gap) + " later");
      World world;
      shorten(world);
      world.crash = {at, true};
      world.second_crash = {at + gap, gap % 2 == 0};
      ASSERT_TRUE(world.run());
      EXPECT_EQ(world.violation, "");
      EXPECT_EQ(world.launches, 1);
      EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
      EXPECT_EQ(world.bmc.image, "");
    }
  }
}

}  // namespace
}  // namespace metalmesh::install
