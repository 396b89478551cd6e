// One reading proves nothing: ends, proofs, power, inserts and overrides on BMCs that lag, forget and
// mislead.
#include <gmock/gmock.h>

#include "tests/unit/install/world.h"

namespace metalmesh::install {
namespace {

using testing::HasSubstr;

void expect_interrupted(World& world) {
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.violation, "");
  EXPECT_EQ(world.ended().outcome(), wire::Ended::INDETERMINATE) << world.ended().ShortDebugString();
  EXPECT_EQ(world.ended().disk(), wire::DISK_BEING_WRITTEN);
  EXPECT_EQ(world.ended().proof(), wire::PROOF_NONE);
  EXPECT_EQ(world.count("reset On"), 1) << "nobody's machine is switched on";
}

TEST(InstallEvidence, APowerCutInTheMiddleIsToldAsOne) {
  for (const std::uint64_t percent : {5, 14, 50, 90}) {
    World world;
    world.after_launch(4min, [&] { world.cut_power(percent); });
    expect_interrupted(world);
    EXPECT_EQ(world.ended().fault().code(), wire::INSTALLER_INTERRUPTED);
    EXPECT_THAT(world.ended().fault().seen(), HasSubstr(std::to_string(percent) + " %"));
    EXPECT_EQ(world.bmc.image, "") << "the host is off";
  }
}

// A blackout of the site: whoever had read everything may have been writing still.
TEST(InstallEvidence, AnOffThatCameWithAPowerCutOfTheAgentIsNoEnd) {
  for (const bool blackout : {false, true}) {
    World world;
    world.now.boot = 1;
    world.after_launch(4min, [&] {
      world.cut_power(100);
      if (blackout) world.now.boot = 2;
      world.restart();
    });
    if (!blackout) {
      ASSERT_TRUE(world.run());
      EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
      continue;
    }
    expect_interrupted(world);
    EXPECT_THAT(world.ended().fault().seen(), HasSubstr("started anew"));
  }
}

TEST(InstallEvidence, AnInstallerThatShowedAnotherMachineEndsItsOrderAndItsMediumStays) {
  World world;
  world.after_launch(4min, [&] { world.job.set_check_refusal("the installer runs on serial SER-9"); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.violation, "");
  EXPECT_EQ(world.ended().fault().code(), wire::INSTALLER_REFUSED);
  EXPECT_THAT(world.ended().fault().seen(), HasSubstr("SER-9"));
  EXPECT_EQ(world.ended().outcome(), wire::Ended::INDETERMINATE);
  EXPECT_TRUE(world.ended().medium_in());
}

TEST(InstallEvidence, AHostThatWasOffForAMomentIsNoEnd) {
  for (const std::uint64_t percent : {5, 14, 50, 90, 100}) {
    World world;
    // Where its end alone would be the proof, that all was read is not enough.
    if (percent == 100)
      world.job.mutable_agreed()->mutable_install()->mutable_proof()->set_minimum(wire::PROOF_POWEROFF);
    world.after_launch(4min, [&] {
      world.cut_power(percent);
      world.bmc.blink_off = 2;
    });
    ASSERT_TRUE(world.run());
    EXPECT_EQ(world.violation, "");
    EXPECT_EQ(world.ended().outcome(), wire::Ended::INDETERMINATE) << world.ended().ShortDebugString();
    EXPECT_EQ(world.ended().fault().code(), wire::INSTALLER_REBOOTED);
    EXPECT_FALSE(world.ended().medium_in()) << "what boots next must not find it";
    EXPECT_EQ(world.bmc.image, "");
    EXPECT_EQ(world.count("reset On"), 1);
  }
}

// It reads a third of its medium, and then writes for a while.
TEST(InstallEvidence, TheFirstOfItsKindMayReadAsLittleAsItLikes) {
  World world;
  world.after_launch(4min, [&] { world.give(MediaRead{30 << 20, 100 << 20, "10.20.0.112"}); });
  world.after_launch(6min, [&] { world.bmc.set_power("Off"); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
}

// It is looked at after ten seconds, however long it ran before.
TEST(InstallEvidence, AShortQuietBeforeTheEndIsSeen) {
  World world;
  world.after_launch(9min, [&] { world.give(MediaRead{30 << 20, 100 << 20, "10.20.0.112"}); });
  world.after_launch(9min + 12s, [&] { world.bmc.set_power("Off"); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
}

TEST(InstallEvidence, ALaterOneIsHeldAgainstTheFirst) {
  for (const bool enough : {false, true}) {
    World world;
    world.job.set_usual_reads(enough ? 31 << 20 : 60 << 20);
    world.after_launch(4min, [&] { world.give(MediaRead{30 << 20, 100 << 20, "10.20.0.112"}); });
    world.after_launch(6min, [&] { world.bmc.set_power("Off"); });
    ASSERT_TRUE(world.run());
    EXPECT_EQ(world.ended().outcome(), enough ? wire::Ended::SUCCEEDED : wire::Ended::INDETERMINATE)
        << world.ended().ShortDebugString();
  }
}

// ---- proof

TEST(InstallEvidence, ALeftOverOsRunningIsNoProof) {
  World world;
  world.calls_back = true;
  world.tells_what_runs = false;
  world.bmc.boot_progress = "OSRunning";
  world.bmc.boot_progress_time = "2026-01-01T00:00:00Z";
  world.bmc.on_power = [&, power = world.bmc.on_power](const std::string& state) {
    // Its clock is set, or begins anew.
    if (state == "On" && world.job.installer_ended()) world.bmc.boot_progress_time = "2026-01-01T01:00:00Z";
    power(state);
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED);
  EXPECT_EQ(world.ended().proof(), wire::PROOF_CALLBACK);
  EXPECT_THAT(world.ended().evidence(),
              testing::Not(testing::Contains(HasSubstr("running operating system"))));
}

/// It may be in its firmware, or have started anew by itself there.
TEST(InstallEvidence, AHostThatStaysOnProvesNothing) {
  World world;
  world.tells_what_runs = false;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::UNPROVEN) << world.ended().ShortDebugString();
  EXPECT_EQ(world.ended().proof(), wire::PROOF_POWEROFF);
  EXPECT_THAT(world.ended().fault().seen(), HasSubstr("its BMC does not tell what runs"));
  EXPECT_THAT(world.ended().fault().next(), HasSubstr("proof.minimum callback"));
}

TEST(InstallEvidence, APortThatAnswersTwiceNeedsNoWordOfTheBmc) {
  World world;
  world.tells_what_runs = false;
  world.probe_open = true;
  world.job.mutable_agreed()->mutable_install()->mutable_proof()->set_minimum(wire::PROOF_REACHABLE);
  world.job.mutable_agreed()->mutable_install()->mutable_proof()->set_reach_host("10.21.0.60");
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.ended().proof(), wire::PROOF_REACHABLE);
}

TEST(InstallEvidence, AnOsRunningSinceTheFinalPowerOnIsOne) {
  World world;
  world.bmc.on_power = [&, power = world.bmc.on_power](const std::string& state) {
    world.bmc.boot_progress = state == "On" ? "OSRunning" : "None";
    power(state);
  };
  ASSERT_TRUE(world.run());
  EXPECT_THAT(world.ended().evidence(), testing::Contains(HasSubstr("running operating system")));
}

TEST(InstallEvidence, AStrangerAtTheAddressIsNotTheNewSystem) {
  World world;
  world.stranger_answers = true;
  world.job.mutable_agreed()->mutable_install()->mutable_proof()->set_minimum(wire::PROOF_REACHABLE);
  world.job.mutable_agreed()->mutable_install()->mutable_proof()->set_reach_host("10.21.0.60");
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::UNPROVEN) << world.ended().ShortDebugString();
  EXPECT_EQ(world.ended().proof(), wire::PROOF_BOOTED);
  EXPECT_THAT(world.ended().evidence(), testing::Contains(HasSubstr("another machine's")));
}

// An agent that was away for hours: another order may have come and gone.
TEST(InstallEvidence, WhatRunsLongAfterwardsProvesNothing) {
  World world;
  record::Job& job = world.job;
  for (auto set : {&record::Job::set_armed, &record::Job::set_launched, &record::Job::set_installer_ended,
                   &record::Job::set_final_power_on})
    (job.*set)(true);
  job.set_mount_state(wire::DEAD);
  job.set_proof(wire::PROOF_POWEROFF);
  *job.mutable_final_power_on_at() = to_wire(world.wall() - 5h);
  world.bmc.power = "On";
  world.bmc.boot_progress = "OSRunning";
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::UNPROVEN) << world.ended().ShortDebugString();
  EXPECT_EQ(world.ended().proof(), wire::PROOF_POWEROFF);
}

TEST(InstallEvidence, TimeBeforeTheLaunchIsNotTheInstallers) {
  World world;
  world.after_launch(1s, [&] { EXPECT_LE(from_wire(world.job.ran_for()), 1s); });
  ASSERT_TRUE(world.run());
  EXPECT_GT(from_wire(world.job.ran_for()), 9min);
  EXPECT_LT(from_wire(world.job.ran_for()), 11min);
}

// ---- power

TEST(InstallEvidence, AConflictAfterThePowerOffIsWaitedOut) {
  World world;
  world.bmc.on_power = [&, power = world.bmc.on_power](const std::string& state) {
    if (state == "Off") world.bmc.reset_conflicts = 12;
    power(state);
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
}

TEST(InstallEvidence, APowerOnThatDoesNothingIsSentAgain) {
  for (const int ignored : {1, 2, 99}) {
    World world;
    world.bmc.on_power = [&, power = world.bmc.on_power](const std::string& state) {
      if (state == "Off") world.bmc.ons_ignored = ignored;
      power(state);
    };
    ASSERT_TRUE(world.run());
    if (ignored < 99) {
      EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
      continue;
    }
    EXPECT_EQ(world.ended().outcome(), wire::Ended::UNPROVEN);
    EXPECT_EQ(world.ended().fault().code(), wire::POWER_FAILED);
    EXPECT_THAT(world.ended().fault().seen(), HasSubstr("still Off"));
  }
}

TEST(InstallEvidence, AButtonIsNotPushedTwiceForALag) {
  World world;
  world.bmc.reset_types = R"("ForceOff","ForceRestart","PushPowerButton")";
  world.bmc.power_lag_reads = 10;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.count("reset PushPowerButton"), 2);
}

TEST(InstallEvidence, NobodyIsForcedOffWhoWasToBeAskedGently) {
  World world;
  world.bmc.power = "On";
  world.bmc.reset_types = R"("On","ForceOff")";
  world.job.mutable_agreed()->mutable_install()->set_power(wire::GRACEFUL);
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::POWERED_ON);
  EXPECT_THAT(world.ended().fault().seen(), HasSubstr("no GracefulShutdown"));
  EXPECT_THAT(world.bmc.changes, testing::IsEmpty());
}

TEST(InstallEvidence, AHostThatWasOffIsPutBack) {
  World world;
  world.host_boots_media = false;
  world.reads_at_insert = true;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::BOOT_IGNORED);
  EXPECT_EQ(world.bmc.power, "Off");
  EXPECT_EQ(world.ended().debts_size(), 0) << world.ended().ShortDebugString();
}

// ---- insert, boot, eject

TEST(InstallEvidence, AnInsertThatShowsLateIsNotSentAgain) {
  World world;
  world.bmc.lagging_reads = 25;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.count("insert"), 1);
}

// Twice inserted, the second would take the place of the first under a running installer.
TEST(InstallEvidence, AnInsertThatShowsInTheNextAttemptIsNotSentAgain) {
  World world;
  world.job.mutable_agreed()->mutable_install()->set_attempts_before_wipe(1);
  world.bmc.lagging_reads = 60;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.retries, 1);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.count("insert"), 1);
}

TEST(InstallEvidence, AnInsertThatNeverShowsIsOwnedUpTo) {
  World world;
  world.bmc.lagging_reads = 100'000;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::INSERT_REFUSED);
  EXPECT_EQ(world.ended().debts_size(), 1) << world.ended().ShortDebugString();
}

// It showed after all, during cleanup, and was taken out: nothing is owed.
TEST(InstallEvidence, WhatShowsInCleanupIsTakenOutAndNotOwed) {
  int taken_out = 0;
  for (int looks = 30; looks < 70; ++looks) {
    SCOPED_TRACE(looks);
    World world;
    world.bmc.lagging_reads = looks;
    ASSERT_TRUE(world.run());
    if (world.ended().outcome() != wire::Ended::FAILED || world.count("eject") == 0) continue;
    ++taken_out;
    EXPECT_EQ(world.bmc.image, "");
    EXPECT_EQ(world.ended().debts_size(), 0) << world.ended().ShortDebugString();
  }
  EXPECT_GT(taken_out, 0);
}

TEST(InstallEvidence, AnOldReadingOfTheSlotIsNoForeignMedium) {
  World world;
  world.bmc.stale_image = "http://other/rescue.iso";
  world.bmc.stale_looks = 4;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.bmc.image, "");
}

TEST(InstallEvidence, AnOverrideForEverIsTakenBack) {
  World world;
  world.bmc.override_becomes = "Continuous";
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::BOOT_OVERRIDE_REFUSED);
  EXPECT_THAT(world.ended().fault().seen(), HasSubstr("Continuous/Cd"));
  EXPECT_EQ(world.bmc.boot_enabled, "Disabled");
  EXPECT_EQ(world.count("boot"), 1);
  EXPECT_EQ(world.ended().debts_size(), 0);
}

TEST(InstallEvidence, AHostThatStaysInLegacyModeIsRefusedByName) {
  World world;
  world.bmc.boot_mode = "Legacy";
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::BOOT_OVERRIDE_REFUSED);
  EXPECT_THAT(world.ended().fault().seen(), HasSubstr("mode Legacy"));
  EXPECT_EQ(world.count("reset On"), 0);
  EXPECT_EQ(world.bmc.boot_enabled, "Disabled");
}

TEST(InstallEvidence, AHostThatIgnoredOneTargetIsOfferedTheNext) {
  World world;
  world.reads_at_insert = true;
  world.bmc.boot_targets = R"("Cd","UsbCd")";
  world.bmc.boots_by = "UsbCd";
  world.job.mutable_agreed()->mutable_install()->set_attempts_before_wipe(1);
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.retries, 1);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
}

TEST(InstallEvidence, AnEjectWithoutABodyIsTried) {
  World world;
  world.bmc.eject_body = "";
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.bmc.image, "");
  EXPECT_EQ(world.ended().debts_size(), 0);
}

}  // namespace
}  // namespace metalmesh::install
