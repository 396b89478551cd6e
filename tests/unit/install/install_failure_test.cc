// Each way to fail: its own code, both values, the state of the disk, and nothing of ours left behind.
#include <gmock/gmock.h>

#include "tests/unit/install/world.h"

namespace metalmesh::install {
namespace {

struct Failure {
  const char* name;
  void (*set)(World&);
  wire::FaultCode code;
  wire::Ended::Outcome outcome = wire::Ended::FAILED;
  wire::DiskState disk = wire::DISK_UNTOUCHED;
  std::vector<std::string> words = {};  // all of them in Fault.seen
  int launches = 0;
  bool debts = false;
};

class InstallFailure : public testing::TestWithParam<Failure> {};

TEST_P(InstallFailure, IsNamedAndCleanedUp) {
  const Failure& expected = GetParam();
  World world;
  expected.set(world);
  ASSERT_TRUE(world.run());
  const wire::Ended& ended = world.ended();
  EXPECT_EQ(ended.fault().code(), expected.code) << ended.ShortDebugString();
  EXPECT_EQ(ended.outcome(), expected.outcome) << ended.ShortDebugString();
  EXPECT_EQ(ended.disk(), expected.disk);
  for (const std::string& word : expected.words) EXPECT_THAT(ended.fault().seen(), testing::HasSubstr(word));
  EXPECT_FALSE(ended.fault().next().empty());
  EXPECT_EQ(ended.fault().seen().find('{'), std::string::npos) << ended.fault().seen();
  EXPECT_EQ(world.violation, "");
  EXPECT_EQ(world.launches, expected.launches);
  EXPECT_EQ(ended.debts_size() > 0, expected.debts) << ended.ShortDebugString();
  if (!expected.debts) {
    EXPECT_TRUE(world.bmc.sessions.empty());
    EXPECT_EQ(world.bmc.image.find("k3j5h2"), std::string::npos);
    EXPECT_EQ(world.bmc.boot_enabled, "Disabled");
  }
  EXPECT_TRUE(world.job.mount_state() == wire::DEAD ||
              world.job.mount_state() == wire::MOUNT_STATE_UNSPECIFIED);
}

INSTANTIATE_TEST_SUITE_P(
    All, InstallFailure,
    testing::Values(
        Failure{"Unreachable",
                [](World& w) { w.bmc.reachable = false; },
                wire::BMC_UNREACHABLE,
                wire::Ended::FAILED,
                wire::DISK_UNTOUCHED,
                {"10.20.0.112", "timeout"}},
        Failure{"LoginRefused",
                [](World& w) { w.bmc.login_status = 401; },
                wire::BMC_LOGIN_REFUSED,
                wire::Ended::FAILED,
                wire::DISK_UNTOUCHED,
                {"bmc-hpe", "401"}},
        Failure{"PasswordChange",
                [](World& w) { w.bmc.login_status = 403, w.bmc.login_error = "PasswordChangeRequired"; },
                wire::BMC_PASSWORD_CHANGE_REQUIRED},
        Failure{"SessionsFull",
                [](World& w) { w.bmc.login_status = 503, w.bmc.login_error = "SessionLimitExceeded"; },
                wire::BMC_SESSIONS_FULL},
        Failure{"OtherKey",
                [](World& w) { w.bmc.key = "bb22"; },
                wire::BMC_KEY_CHANGED,
                wire::Ended::FAILED,
                wire::DISK_UNTOUCHED,
                {"aa11", "bb22"}},
        Failure{"NoVirtualMedia", [](World& w) { w.bmc.has_slots = false; }, wire::NO_VIRTUAL_MEDIA},
        Failure{"ForeignMedia",
                [](World& w) { w.bmc.image = "http://other/rescue.iso"; },
                wire::FOREIGN_MEDIA,
                wire::Ended::FAILED,
                wire::DISK_UNTOUCHED,
                {"http://other/rescue.iso", "/VirtualMedia/Cd"}},
        Failure{"Mismatch",
                [](World& w) { w.bmc.serial = "CZ2D4F0B77"; },
                wire::IDENTITY_MISMATCH,
                wire::Ended::FAILED,
                wire::DISK_UNTOUCHED,
                {"CZ2D4F0A1B", "CZ2D4F0B77"}},
        Failure{"MacMismatch",
                [](World& w) { w.bmc.mac = "3C:A8:2A:00:00:02"; },
                wire::IDENTITY_MISMATCH,
                wire::Ended::FAILED,
                wire::DISK_UNTOUCHED,
                {"3ca82a000001", "3C:A8:2A:00:00:02"}},
        Failure{"OrderTooVague",
                [](World& w) {
                  w.job.mutable_agreed()->mutable_identity()->clear_macs();
                  w.job.mutable_agreed()->mutable_identity()->clear_uuid();
                },
                wire::IDENTITY_INSUFFICIENT},
        Failure{"PoweredOn",
                [](World& w) { w.bmc.power = "On"; },
                wire::POWERED_ON,
                wire::Ended::FAILED,
                wire::DISK_UNTOUCHED,
                {"On"}},
        Failure{"Licence",
                [](World& w) { w.bmc.insert_status = 403, w.bmc.insert_error = "LicenseKeyRequired"; },
                wire::LICENCE_MISSING},
        Failure{"InsertRefused",
                [](World& w) { w.bmc.insert_status = 400, w.bmc.insert_error = "PropertyValueError"; },
                wire::INSERT_REFUSED},
        Failure{"InsertLies",
                [](World& w) { w.bmc.insert_lies = true; },
                wire::INSERT_REFUSED,
                wire::Ended::FAILED,
                wire::DISK_UNTOUCHED,
                {},
                0,
                true},  // it may still come
        Failure{"OverrideLies", [](World& w) { w.bmc.override_lies = true; }, wire::BOOT_OVERRIDE_REFUSED},
        Failure{"PowerSticks", [](World& w) { w.bmc.power_sticks = true; }, wire::POWER_FAILED},
        Failure{"NeverRead", [](World& w) { w.media_reachable = false; }, wire::MEDIA_NOT_REACHED},
        Failure{"ReadFromElsewhere",
                [](World& w) { w.media_reachable = false, w.job.set_stranger_read("10.9.0.1"); },
                wire::MEDIA_NOT_REACHED,
                wire::Ended::FAILED,
                wire::DISK_UNTOUCHED,
                {"10.9.0.1", "10.20.0.112"}},
        Failure{"BootIgnored",
                [](World& w) {
                  w.host_boots_media = false;
                  w.reads_at_insert = true;
                },
                wire::BOOT_IGNORED},
        Failure{"StartByPassed",
                [](World& w) {
                  w.gate.may_arm = false;
                  w.gate.why_not.set_code(wire::DISK_LOW);
                },
                wire::ORDER_EXPIRED},
        Failure{"LaunchByPassed",
                [](World& w) {
                  w.reads_at_insert = true;
                  w.post_time = 30min;
                  *w.job.mutable_issue()->mutable_launch_by() = to_wire(w.wall() + 5min);
                },
                wire::ORDER_EXPIRED},
        Failure{"ReadsStopHalfWay",
                [](World& w) { w.installer_ends = false; },
                wire::INSTALLER_STALLED,
                wire::Ended::INDETERMINATE,
                wire::DISK_BEING_WRITTEN,
                {"1 %", "50 min"},
                1,
                true},
        Failure{"MaxRun",
                [](World& w) {
                  w.install_time = 20min;
                  w.job.mutable_agreed()->mutable_install()->mutable_max_run()->set_seconds(600);
                },
                wire::INSTALLER_TIMEOUT,
                wire::Ended::FAILED,
                wire::DISK_BEING_WRITTEN,
                {},
                1},
        Failure{"RebootedByItself",
                [](World& w) {
                  w.after_launch(3min, [&w] {
                    w.cut_power(50);
                    w.bmc.blink_off = 2;
                  });
                },
                wire::INSTALLER_REBOOTED,
                wire::Ended::INDETERMINATE,
                wire::DISK_UNKNOWN,
                {"Off", "On"},
                1},
        Failure{"BmcLost",
                [](World& w) { w.away_from = 3min, w.away_until = 24h; },
                wire::BMC_LOST,
                wire::Ended::INDETERMINATE,
                wire::DISK_BEING_WRITTEN,
                {},
                1,
                true},
        Failure{"NoProof",
                [](World& w) {
                  w.job.mutable_agreed()->mutable_install()->mutable_proof()->set_minimum(
                      wire::PROOF_CALLBACK);
                },
                wire::PROOF_MISSING,
                wire::Ended::UNPROVEN,
                wire::DISK_NEW_SYSTEM,
                {"booted", "callback"},
                1}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(InstallFailureDetails, TlsRefusalBeatsNotReached) {
  World world;
  world.media_reachable = false;
  world.tls_refusal = "unknown ca";
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::MEDIA_TLS_REFUSED);
  EXPECT_THAT(world.ended().fault().seen(), testing::HasSubstr("unknown ca"));
}

TEST(InstallFailureDetails, TlsRefusalIsToldAlsoWhereTheHostSwitchesItselfOff) {
  World world;
  world.media_reachable = false;
  world.off_without_medium = true;
  world.tls_refusal = "unknown ca";
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::MEDIA_TLS_REFUSED) << world.ended().ShortDebugString();
}

TEST(InstallFailureDetails, AMediumThatCannotBeComposedEndsTheJobBeforeAnyChange) {
  World world;
  world.medium_refusal = "the image has a tree of an unknown kind";
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::IMAGE_UNSUITABLE);
  EXPECT_EQ(world.ended().fault().disk(), wire::DISK_UNTOUCHED);
  EXPECT_THAT(world.ended().fault().seen(), testing::HasSubstr("unknown kind"));
  EXPECT_THAT(world.bmc.changes, testing::IsEmpty());
}

TEST(InstallFailureDetails, ARefusedLoginIsNotTriedAgain) {
  World world;
  world.bmc.login_status = 401;
  world.job.mutable_agreed()->mutable_install()->set_attempts_before_wipe(3);
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.login_refusals, 1);
  EXPECT_EQ(world.retries, 0);
}

// A login may be refused for many reasons; only a stated one counts against the password.
TEST(InstallFailureDetails, ALoginThatFailedWithoutAWordIsNoWrongPassword) {
  World world;
  world.bmc.login_status = 403;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::BMC_LOGIN_REFUSED);
  EXPECT_EQ(world.login_refusals, 0);
}

// Three refusals elsewhere: this one does not add a fourth.
TEST(InstallFailureDetails, AHeldCredentialIsNotTried) {
  World world;
  world.bmc.login_status = 401;
  world.gate.no_login.emplace().set_code(wire::BMC_LOGIN_REFUSED);
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::BMC_LOGIN_REFUSED);
  EXPECT_EQ(world.login_refusals, 0);
}

// A session may end while an installer runs; the job waits for a better password, however long.
TEST(InstallFailureDetails, AnInstallIsNotGivenUpForAHeldCredential) {
  World world;
  world.job.mutable_agreed()->mutable_install()->mutable_max_run()->set_seconds(24 * 3600);
  const auto power = world.bmc.on_power;
  world.bmc.on_power = [&](const std::string& state) {
    if (!world.set_anew_at) {
      world.bmc.sessions.clear();
      world.gate.no_login.emplace().set_code(wire::BMC_LOGIN_REFUSED);
      world.set_anew_at = world.now.mono + 3h;
    }
    power(state);
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.launches, 1);
}

TEST(InstallFailureDetails, AMismatchChangesNothing) {
  World world;
  world.bmc.uuid = "4c4c4544-0043-4a10-8052-b4c04f4d3233";
  ASSERT_TRUE(world.run());
  EXPECT_TRUE(world.bmc.changes.empty());
}

TEST(InstallFailureDetails, AnotherMachineBetweenPreflightAndArmIsNotPowered) {
  World world;
  const auto check = world.bmc.on_change;
  world.bmc.on_change = [&, check](const std::string& change) {
    check(change);
    if (change == "boot") world.bmc.serial = "CZ2D4F0B77";
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::IDENTITY_MISMATCH);
  EXPECT_EQ(world.count("reset On"), 0);
  // Nothing is changed any more where another machine answered: what stays is told.
  EXPECT_EQ(world.count("eject"), 0);
  EXPECT_EQ(world.ended().debts_size(), 2) << world.ended().ShortDebugString();
}

TEST(InstallFailureDetails, AnotherMachineAfterTheInstallProvesNothing) {
  World world;
  const auto check = world.bmc.on_change;
  world.bmc.on_change = [&, check](const std::string& change) {
    check(change);
    if (change != "reset On" || !world.job.installer_ended()) return;
    world.bmc.serial = "CZ2D4F0B77";  // with the session of the first one gone
    world.bmc.sessions.clear();
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::UNPROVEN) << world.ended().ShortDebugString();
  EXPECT_EQ(world.ended().fault().code(), wire::IDENTITY_MISMATCH);
  EXPECT_EQ(world.ended().proof(), wire::PROOF_POWEROFF);
}

TEST(InstallFailureDetails, ARetryableFailureIsRetriedWhileTheDiskIsUntouched) {
  World world;
  world.job.mutable_agreed()->mutable_install()->set_attempts_before_wipe(2);
  world.bmc.insert_lies = true;
  const auto check = world.bmc.on_change;
  int inserts = 0;
  world.bmc.on_change = [&, check](const std::string& change) {
    check(change);
    if (change == "insert" && ++inserts == 1) world.bmc.insert_lies = false;
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.retries, 1);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.launches, 1);
}

TEST(InstallFailureDetails, AHostThatIgnoredTheMediaIsTriedAgainAlthoughWeLeftItOn) {
  World world;
  world.job.mutable_agreed()->mutable_install()->set_attempts_before_wipe(1);
  world.reads_at_insert = true;
  world.host_boots_media = false;
  const auto check = world.bmc.on_change;
  world.bmc.on_change = [&, check](const std::string& change) {
    check(change);
    if (change == "reset ForceOff") world.host_boots_media = true;
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.retries, 1);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.violation, "");
}

TEST(InstallFailureDetails, NothingIsRetriedAfterLaunch) {
  World world;
  world.job.mutable_agreed()->mutable_install()->set_attempts_before_wipe(5);
  world.installer_ends = false;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.retries, 0);
  EXPECT_EQ(world.launches, 1);
}

TEST(InstallFailureDetails, AStuckSlotIsADebtAndCannotHoldUpTheNewSystem) {
  World world;
  world.bmc.eject_works = false;
  world.job.mutable_agreed()->mutable_install()->mutable_proof()->set_minimum(wire::PROOF_POWEROFF);
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED);
  ASSERT_EQ(world.ended().debts_size(), 1);
  EXPECT_THAT(world.ended().debts(0), testing::HasSubstr("VirtualMedia/Cd"));
  EXPECT_EQ(world.bmc.power, "On");
}

TEST(InstallFailureDetails, AnUntrustedClockHoldsTheJob) {
  World world;
  world.gate.clock_ok = false;
  world.cancel_at = 10min;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.count("reset On"), 0);
  const auto held =
      std::find_if(world.told.begin(), world.told.end(), [](const auto& event) { return event.has_held(); });
  ASSERT_NE(held, world.told.end());
  EXPECT_EQ(held->held().fault().code(), wire::CLOCK_UNPROVEN);
}

TEST(InstallFailureDetails, ACancelAtAnyTimeBeforeLaunchLeavesNothing) {
  for (int second = 0; second < 70; ++second) {
    World world;
    world.cancel_at = std::chrono::milliseconds(100 * (second < 40 ? second : 10 * second));
    ASSERT_TRUE(world.run()) << second;
    EXPECT_EQ(world.violation, "") << second;
    if (world.launches > 0) {
      EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << second;
      continue;
    }
    EXPECT_EQ(world.ended().outcome(), wire::Ended::CANCELLED)
        << second << " " << world.ended().ShortDebugString();
    EXPECT_EQ(world.bmc.image, "") << second;
    EXPECT_TRUE(world.bmc.sessions.empty()) << second;
    EXPECT_EQ(world.job.mount_state(), wire::DEAD) << second;
  }
}

}  // namespace
}  // namespace metalmesh::install
