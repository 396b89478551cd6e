// From LAUNCHED on the medium stays, whatever becomes of the talk with the BMC: at a restart of the agent,
// too.
#include <gmock/gmock.h>

#include "tests/unit/install/world.h"

namespace metalmesh::install {
namespace {

struct Trouble {
  const char* name;
  void (*begin)(World&);
  void (*end)(World&);
  wire::FaultCode told;  // why the job is held; none when nobody needs to know
};

void lose_session(World& world) { world.bmc.sessions.clear(); }

constexpr Trouble troubles[] = {
    {"CredentialsFileAway", [](World& w) { w.no_credential = true, lose_session(w); },
     [](World& w) { w.no_credential = false; }, wire::CREDENTIAL_MISSING},
    {"PasswordChanged", [](World& w) { w.bmc.login_status = 401, lose_session(w); },
     [](World& w) {
       w.bmc.login_status = 201;
       w.give(CredentialSet{});
     },
     wire::BMC_LOGIN_REFUSED},
    {"SessionTableFull",
     [](World& w) {
       w.bmc.login_status = 503, w.bmc.login_error = "SessionLimitExceeded";
       lose_session(w);
     },
     [](World& w) { w.bmc.login_status = 201; }, wire::BMC_SESSIONS_FULL},
    {"LoginBusy",
     [](World& w) {
       w.bmc.login_status = 503, w.bmc.login_error = "ServiceTemporarilyUnavailable";
       lose_session(w);
     },
     [](World& w) { w.bmc.login_status = 201; }, wire::BMC_SESSIONS_FULL},
    {"LoginNotFound",
     [](World& w) {
       w.bmc.login_status = 404, w.bmc.login_error = "ResourceMissingAtURI";
       lose_session(w);
     },
     [](World& w) { w.bmc.login_status = 201; }, wire::BMC_PROTOCOL},
    {"RootNotFound",
     [](World& w) {
       w.bmc.root_status = w.bmc.login_status = 404;
       lose_session(w);
     },
     [](World& w) { w.bmc.root_status = 200, w.bmc.login_status = 201; }, wire::BMC_PROTOCOL},
    {"IdentityEmpty", [](World& w) { w.bmc.identity_hidden = true, lose_session(w); },
     [](World& w) { w.bmc.identity_hidden = false; }, wire::BMC_PROTOCOL},
    {"KeyChanged", [](World& w) { w.bmc.key = "bb22"; }, [](World& w) { w.bmc.key = "aa11"; },
     wire::BMC_KEY_CHANGED},
    {"Silent", [](World& w) { w.bmc.reachable = false; }, [](World& w) { w.bmc.reachable = true; },
     wire::FAULT_CODE_UNSPECIFIED},
    {"BodyDamaged", [](World& w) { w.bmc.damaged = true; }, [](World& w) { w.bmc.damaged = false; },
     wire::BMC_PROTOCOL},
    {"PowerNotTold", [](World& w) { w.bmc.power_hidden = true; },
     [](World& w) { w.bmc.power_hidden = false; }, wire::FAULT_CODE_UNSPECIFIED},
};

class LaunchedMedium : public testing::TestWithParam<std::tuple<Trouble, bool>> {};

TEST_P(LaunchedMedium, OutlivesTheTalk) {
  const Trouble& trouble = std::get<0>(GetParam());
  const bool restart = std::get<1>(GetParam());
  World world;
  world.after_launch(2min, [&] {
    trouble.begin(world);
    if (restart) world.restart();
  });
  world.after_launch(6min, [&] { trouble.end(world); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.violation, "");
  EXPECT_EQ(world.launches, 1);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.bmc.image, "");
  if (trouble.told == wire::FAULT_CODE_UNSPECIFIED) {
    if (!restart) {
      EXPECT_THAT(world.held(), testing::IsEmpty());
    }
    return;
  }
  EXPECT_THAT(world.held(), testing::ElementsAre(trouble.told));
  const auto over = std::count_if(world.told.begin(), world.told.end(), [](const wire::Event& event) {
    return event.has_stage() && event.stage().note().find("again") != std::string::npos;
  });
  EXPECT_EQ(over, 1);
}

TEST_P(LaunchedMedium, StaysInUntilItsTimeIsOverWhenTheTalkNeverWorksAgain) {
  const Trouble& trouble = std::get<0>(GetParam());
  const bool restart = std::get<1>(GetParam());
  World world;
  world.installer_ends = false;
  world.after_launch(2min, [&] {
    trouble.begin(world);
    if (restart) world.restart();
  });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.violation, "");
  EXPECT_NE(world.ended().outcome(), wire::Ended::SUCCEEDED);
  EXPECT_EQ(world.ended().disk(), wire::DISK_BEING_WRITTEN) << world.ended().ShortDebugString();
  EXPECT_EQ(world.job.released_by(), wire::MediumReleased::LONGEST_RUN);
  EXPECT_EQ(world.job.mount_state(), wire::DEAD);
  EXPECT_GT(world.now.mono - MonoTime(1h), 4h);
  EXPECT_LE(world.login_refusals, 2);
  if (trouble.told != wire::FAULT_CODE_UNSPECIFIED) {
    EXPECT_EQ(world.ended().fault().code(), trouble.told) << world.ended().ShortDebugString();
  }
}

INSTANTIATE_TEST_SUITE_P(All, LaunchedMedium, testing::Combine(testing::ValuesIn(troubles), testing::Bool()),
                         [](const auto& param) {
                           return std::string(std::get<0>(param.param).name) +
                                  (std::get<1>(param.param) ? "AtARestart" : "");
                         });

// Another machine answers at the address for a while: nothing is changed there, and what it shows is not
// believed.
TEST(LaunchedMediumAndAnotherMachine, StaysAndNothingIsChangedAnyMore) {
  World world;
  world.after_launch(2min, [&] {
    world.bmc.serial = "CZ2D4F0B77";
    lose_session(world);
  });
  world.after_launch(5min, [&] { world.bmc.serial = "CZ2D4F0A1B"; });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.violation, "");
  EXPECT_EQ(world.launches, 1);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::INDETERMINATE) << world.ended().ShortDebugString();
  EXPECT_EQ(world.ended().fault().code(), wire::IDENTITY_MISMATCH);
  EXPECT_EQ(world.count("eject"), 0);
  EXPECT_EQ(world.count("reset On"), 1);
  EXPECT_GT(world.ended().debts_size(), 0);
}

// The login is refused as well, for good: cleanup does not wait for it.
TEST(LaunchedMediumAndAnotherMachine, EndsAlthoughTheLoginIsRefused) {
  World world;
  world.installer_ends = false;
  world.after_launch(2min, [&] {
    world.bmc.serial = "CZ2D4F0B77";
    lose_session(world);
  });
  world.after_launch(3min, [&] {
    world.bmc.login_status = 401;
    lose_session(world);
  });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.violation, "");
  EXPECT_EQ(world.ended().outcome(), wire::Ended::INDETERMINATE) << world.ended().ShortDebugString();
  EXPECT_EQ(world.count("eject"), 0);
  EXPECT_GT(world.ended().debts_size(), 0);
}

World& stalls(World& world) {
  world.installer_ends = false;
  return world;
}

QuirkTable with_screen() {
  config::BmcQuirks row;
  row.set_name("acme");
  row.mutable_match()->set_vendor("unknown");
  row.mutable_screen()->set_action("/Oem/Acme/Actions/A.Show");
  row.mutable_screen()->set_picture("Picture");
  (*row.mutable_sources())["screen"] = "seen";
  QuirkTable table;
  EXPECT_TRUE(table.add(row, QuirkOrigin::site));
  return table;
}

/// How such an install ends, and what was kept of its screen.
void expect_stalled(const std::string& screen, void (*plant)(World&), wire::FaultCode code,
                    std::size_t kept) {
  const QuirkTable quirks = with_screen();
  World world;
  world.known.quirks = &quirks;
  world.bmc.screen = screen;
  plant(world);
  world.after_launch(6h, [&] { world.bmc.set_power("Off"); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.violation, "");
  EXPECT_EQ(world.ended().fault().code(), code) << world.ended().ShortDebugString();
  EXPECT_EQ(world.screens, std::vector<std::string>(kept, "UE5H"));
  if (kept > 0) EXPECT_THAT(world.ended().evidence(), testing::Contains("the host's screen was kept"));
}

TEST(Screen, OfAHostWhereNothingGoesOnIsKept) {
  const std::string shown = R"({"Picture":"UE5H"})";
  expect_stalled(shown, [](World& w) { w.installer_ends = false; }, wire::INSTALLER_STALLED, 1);
  expect_stalled(
      shown,
      [](World& w) {
        w.install_time = 20min;
        w.job.mutable_agreed()->mutable_install()->mutable_max_run()->set_seconds(600);
      },
      wire::INSTALLER_TIMEOUT, 1);
  expect_stalled(
      shown,
      [](World& w) {
        w.host_boots_media = false;
        w.reads_at_insert = true;
      },
      wire::BOOT_IGNORED, 1);
}

TEST(Screen, ThatCannotBeHadChangesNothing) {
  for (const char* shown : {"", R"({"Picture":"no Base64!"})", "no JSON"})
    expect_stalled(shown, [](World& w) { w.installer_ends = false; }, wire::INSTALLER_STALLED, 0);
}

TEST(Custody, KeepsTheMediumOfAStalledInstallerUntilTheHostIsOff) {
  World world;
  stalls(world).after_launch(3h, [&] {
    EXPECT_EQ(world.ended().outcome(), wire::Ended::INDETERMINATE);
    EXPECT_TRUE(world.ended().medium_in());
    EXPECT_EQ(world.ended().debts_size(), 2) << "medium and session: " << world.ended().ShortDebugString();
    EXPECT_EQ(world.job.stage(), wire::CUSTODY);
    EXPECT_FALSE(world.job.ended());
    EXPECT_EQ(world.job.mount_state(), wire::LAUNCHED);
    EXPECT_EQ(world.count("eject"), 0);
    world.bmc.set_power("Off");
  });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.violation, "");
  EXPECT_EQ(world.ended().fault().code(), wire::INSTALLER_STALLED);
  EXPECT_EQ(world.released().ground(), wire::MediumReleased::HOST_OFF);
  EXPECT_EQ(world.released().debts_size(), 0) << world.released().ShortDebugString();
  EXPECT_EQ(world.bmc.image, "");
  EXPECT_TRUE(world.bmc.sessions.empty());
  EXPECT_EQ(world.bmc.power, "Off") << "nobody's machine is switched on";
  EXPECT_TRUE(world.told.back().has_released());
}

TEST(Custody, TellsThatTheInstallerEndedAfterAll) {
  World world;
  stalls(world).after_launch(3h, [&] { world.cut_power(98); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.released().ground(), wire::MediumReleased::INSTALLER_ENDED);
}

TEST(Custody, ALookThatFailsOnceReleasesNothing) {
  World world;
  stalls(world).after_launch(2h, [&] {
    world.bmc.blink_off = 1;
    world.bmc.power = "Off";
  });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.released().ground(), wire::MediumReleased::LONGEST_RUN);
}

TEST(Custody, GivesTheMediumBackToAPerson) {
  for (const bool restart : {false, true}) {
    World world;
    stalls(world).after_launch(2h, [&] {
      world.person_asked = true;
      world.give(CancelAsked{});
      if (restart) world.restart();
    });
    ASSERT_TRUE(world.run());
    EXPECT_EQ(world.released().ground(), wire::MediumReleased::PERSON);
    EXPECT_EQ(world.bmc.image, "");
    EXPECT_EQ(world.launches, 1);
    EXPECT_LT(world.now.mono - MonoTime(1h), 3h);
  }
}

TEST(Custody, IsTakenUpAgainByTheNextLifeAndToldOnce) {
  World world;
  stalls(world);
  for (int i = 0; i < 8; ++i) world.after_launch(50min + i * 7min, [&] { world.restart(); });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.violation, "");
  const auto count = [&](auto is) { return std::count_if(world.told.begin(), world.told.end(), is); };
  EXPECT_EQ(count([](const auto& event) { return event.has_ended(); }), 1);
  EXPECT_EQ(count([](const auto& event) { return event.has_released(); }), 1);
  EXPECT_EQ(world.released().ground(), wire::MediumReleased::LONGEST_RUN);
}

TEST(Custody, OutlivesABmcThatIsGone) {
  World world;
  world.installer_ends = true;
  world.install_time = 1h;
  world.after_launch(2min, [&] { world.bmc.reachable = false; });
  world.after_launch(90min, [&] { world.bmc.reachable = true; });
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.violation, "");
  EXPECT_EQ(world.ended().fault().code(), wire::BMC_LOST);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::INDETERMINATE);
  EXPECT_TRUE(world.ended().medium_in());
  EXPECT_EQ(world.released().ground(), wire::MediumReleased::INSTALLER_ENDED);
  EXPECT_EQ(world.bmc.image, "");
}

// An order without a limit has one all the same.
TEST(Custody, EndsWithTheLongestRunOfTheSite) {
  World world;
  world.job.mutable_agreed()->mutable_install()->clear_max_run();
  stalls(world);
  ASSERT_FALSE(world.run()) << "not within a day, since the launch took a minute";
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.released().ground(), wire::MediumReleased::LONGEST_RUN);
}

}  // namespace
}  // namespace metalmesh::install
