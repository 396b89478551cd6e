// Installers that restart, at their end or between passes, as their family says, and hosts that restart unasked.
#include <gmock/gmock.h>

#include "agents/install/restart_watch.h"
#include "tests/unit/install/world.h"

namespace metalmesh::install {
namespace {

using testing::Contains;
using testing::HasSubstr;

constexpr MonoTime start{};

TEST(RestartWatch, OneSignIsNoRestartAndTwoAre) {
  struct Case {
    const char* what;
    std::vector<std::string_view> progress;
    std::vector<std::string_view> power;
    bool medium = false;
    bool port = false;
    bool restarted = false;
  };
  const std::string_view os = "OSRunning";
  const std::string_view firmware = "PCIResourceConfigStarted";
  const std::vector<Case> cases = {
      {"nothing", {os}, {"On"}},
      {"firmware speaks once", {os, firmware}, {"On"}},
      {"firmware speaks twice", {os, firmware, firmware}, {"On"}, false, false, true},
      {"it is the first start that speaks", {firmware, firmware}, {"On"}},
      {"one reading of Off", {os}, {"On", "Off", "On"}},
      {"two of them", {os}, {"On", "Off", "Off", "On"}, false, false, true},
      {"a look at the medium", {os}, {"On"}, true},
      {"a look at the medium, and firmware", {os, firmware}, {"On"}, true, false, true},
      {"a look at the medium, and Off", {}, {"On", "Off", "On"}, true, false, true},
      {"a look at the medium, and a port", {}, {"On"}, true, true, true},
      {"a port", {}, {"On"}, false, true},
  };
  for (const Case& c : cases) {
    RestartWatch watch;
    work::PowerWatch power;
    MonoTime now = start;
    for (const auto reading : c.power) power.saw(reading, now += 5s);
    for (const auto reading : c.progress) watch.saw(reading);
    if (c.medium) watch.medium_tried(now);
    if (c.port) watch.port_answers(now);
    EXPECT_EQ(watch.restarted(power, now), c.restarted) << c.what;
  }
}

TEST(RestartWatch, SignsOfTwoStartsAreNotPutTogether) {
  RestartWatch watch;
  watch.medium_tried(start);
  watch.port_answers(start + 20min);
  EXPECT_FALSE(watch.restarted({}, start + 20min));
}

/// The host starts anew, as its BMC tells it, and runs what it finds on its disk.
void restarts(World& world, Duration at) {
  world.after_launch(at - 1s, [&] { world.bmc.boot_progress = "OSBootStarted"; });
  world.after_launch(at, [&] { world.bmc.boot_progress = "PCIResourceConfigStarted"; });
  world.after_launch(at + 3min, [&] { world.bmc.boot_progress = "OSRunning"; });
}

void reads(World& world, Duration at, std::uint64_t megabytes) {
  world.after_launch(at, [&world, megabytes] {
    world.give(MediaRead{
        .bytes_covered = megabytes << 20, .size = 100 << 20, .peer = "10.20.0.112", .sealed = true});
  });
}

struct Restarting : World {
  explicit Restarting(bool at_end, std::uint32_t before = 0) {
    installer_ends = false;
    job.set_ends_in_restart(at_end);
    job.set_restarts_expected(before);
    bmc.boot_progress = "OSBootStarted";
  }
};

TEST(InstallRestart, TheEndOfAnInstallerThatRestarts) {
  Restarting world(true);
  reads(world, 2min, 96);
  restarts(world, 6min);
  world.after_launch(6min, [&] { world.installer_is_over(); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.violation, "");
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.ended().proof(), wire::PROOF_BOOTED);
  EXPECT_THAT(world.ended().evidence(), Contains(HasSubstr("then restarted by itself")));
  EXPECT_EQ(world.bmc.image, "");
  EXPECT_EQ(world.count("reset On"), 1) << "it is on, and is left alone";
  EXPECT_TRUE(world.job.sealed());
}

TEST(InstallRestart, OneThatWasCutOffInTheMiddleIsNotAtItsEnd) {
  Restarting world(true);
  reads(world, 2min, 40);
  restarts(world, 2min + 5s);
  world.after_launch(2min + 5s, [&] { world.installer_is_over(); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::INDETERMINATE) << world.ended().ShortDebugString();
  EXPECT_EQ(world.ended().fault().code(), wire::INSTALLER_REBOOTED);
}

// What hangs and starts anew looks like this, too, and then the old system runs.
TEST(InstallRestart, ARestartThatOnlyQuietShowsToBeAnEndWantsAWordOfTheNewSystem) {
  struct Case {
    const char* what;
    std::uint64_t others_read;  // MiB, at other sites
    bool calls_back;
    wire::Ended::Outcome outcome;
  };
  for (const Case& c : {Case{"the first of its kind", 0, false, wire::Ended::UNPROVEN},
                        Case{"it calls back", 0, true, wire::Ended::SUCCEEDED},
                        Case{"others read as much", 42, false, wire::Ended::SUCCEEDED},
                        Case{"others read more", 60, false, wire::Ended::UNPROVEN}}) {
    Restarting world(true);
    world.job.mutable_issue()->set_usual_reads(c.others_read << 20);
    if (c.calls_back)
      world.job.mutable_agreed()->mutable_install()->mutable_proof()->set_minimum(wire::PROOF_CALLBACK);
    reads(world, 2min, 40);
    restarts(world, 9min);
    world.after_launch(9min, [&] { world.installer_is_over(); });
    if (c.calls_back) world.after_launch(11min, [&] { world.give(CalledBack{true}); });
    ASSERT_TRUE(world.run()) << c.what;
    EXPECT_EQ(world.ended().outcome(), c.outcome) << c.what << ": " << world.ended().ShortDebugString();
    if (c.outcome != wire::Ended::UNPROVEN) continue;
    EXPECT_EQ(world.ended().fault().code(), wire::PROOF_MISSING) << c.what;
    EXPECT_EQ(world.ended().proof(), wire::PROOF_BOOTED) << c.what;
    EXPECT_EQ(world.ended().disk(), wire::DISK_UNKNOWN) << c.what;
    EXPECT_THAT(world.ended().fault().next(), HasSubstr("held against what this one read")) << c.what;
    EXPECT_LT(from_wire(world.job.verified_for()), 15min) << c.what << ": nothing more could come";
  }
}

TEST(InstallRestart, QuietIsNoEndWhereTheMediumWentAway) {
  struct Case {
    const char* what;
    bool comes_back;
    wire::Ended::Outcome outcome;
  };
  for (const Case& c : {Case{"its BMC lost it", false, wire::Ended::INDETERMINATE},
                        Case{"one reading of an empty slot", true, wire::Ended::UNPROVEN}}) {
    Restarting world(true);
    reads(world, 2min, 40);
    if (!c.comes_back) world.after_launch(2min + 1s, [&] { world.bmc.image.clear(); });
    if (c.comes_back) world.after_launch(2min + 1s, [&] { world.bmc.lagging_reads = 2; });
    restarts(world, 9min);
    world.after_launch(9min, [&] { world.installer_is_over(); });
    ASSERT_TRUE(world.run()) << c.what;
    EXPECT_EQ(world.ended().outcome(), c.outcome) << c.what << ": " << world.ended().ShortDebugString();
    EXPECT_EQ(world.job.medium_gone(), !c.comes_back) << c.what;
  }
}

TEST(InstallRestart, ABmcThatTellsWhatRunsHasToTellThatANewSystemDoes) {
  Restarting world(true);
  reads(world, 2min, 96);
  world.after_launch(6min, [&] {
    world.bmc.boot_progress = "PCIResourceConfigStarted";
    world.installer_is_over();
  });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::UNPROVEN) << world.ended().ShortDebugString();
}

TEST(InstallRestart, PassesEndWithThePowerOff) {
  Restarting world(false, 2);
  reads(world, 2min, 96);
  restarts(world, 6min);
  restarts(world, 16min);
  world.after_launch(26min, [&] {
    EXPECT_EQ(world.job.restarts_seen(), 2U);
    EXPECT_EQ(world.job.mount_state(), wire::LAUNCHED) << "nothing took it";
    world.installer_is_over();
    world.bmc.set_power("Off");
  });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.violation, "");
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.count("reset On"), 2);
}

TEST(InstallRestart, AMomentOfOffBetweenPassesIsNotTheEnd) {
  Restarting world(false, 1);
  world.bmc.boot_progress.clear();
  world.calls_back = true;
  reads(world, 2min, 96);
  world.after_launch(6min, [&] {
    world.bmc.set_power("Off");
    world.bmc.blink_off = 2;
  });
  world.after_launch(16min, [&] {
    EXPECT_EQ(world.job.restarts_seen(), 1U);
    EXPECT_FALSE(world.job.installer_ended());
    world.bmc.set_power("Off");
  });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.count("reset On"), 2);
}

TEST(InstallRestart, OneMoreThanTheFamilySaysIsNobodys) {
  Restarting world(false, 1);
  reads(world, 2min, 96);
  restarts(world, 6min);
  restarts(world, 16min);
  world.after_launch(16min, [&] { world.installer_is_over(); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::INDETERMINATE) << world.ended().ShortDebugString();
  EXPECT_EQ(world.ended().fault().code(), wire::INSTALLER_REBOOTED);
}

TEST(InstallRestart, TheNewSystemSpeaksForItselfWhereNothingElseShowsTheRestart) {
  for (const bool new_system : {true, false}) {
    Restarting world(true);
    world.bmc.boot_progress.clear();
    reads(world, 2min, 96);
    world.after_launch(9min, [&] {
      if (new_system) world.installer_is_over();
      world.give(CalledBack{new_system});
    });
    ASSERT_TRUE(world.run());
    if (new_system) {
      EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
      EXPECT_EQ(world.ended().proof(), wire::PROOF_CALLBACK);
    } else {
      EXPECT_EQ(world.ended().fault().code(), wire::INSTALLER_STALLED)
          << "a call of the installer proves nothing";
    }
  }
}

TEST(InstallRestart, NobodyKnowsWhatARestartWasWhileTheAgentsOwnMachineWasStartedAnew) {
  Restarting world(true);
  world.now.boot = 1;
  reads(world, 2min, 96);
  world.after_launch(3min, [&] {
    world.now.boot = 2;
    world.restart();
    EXPECT_TRUE(world.job.sealed()) << "whatever was read";
  });
  restarts(world, 6min);
  world.after_launch(6min, [&] { world.installer_is_over(); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::INDETERMINATE) << world.ended().ShortDebugString();
}

}  // namespace
}  // namespace metalmesh::install
