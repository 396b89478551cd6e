// Installs that succeed, and what they ask of the BMC.
#include <gmock/gmock.h>

#include "tests/unit/install/world.h"

namespace metalmesh::install {
namespace {

using testing::ElementsAre;

void expect_clean(const World& world) {
  EXPECT_EQ(world.violation, "");
  EXPECT_EQ(world.launches, 1);
  EXPECT_EQ(world.bmc.image, "");
  EXPECT_TRUE(world.bmc.sessions.empty());
  EXPECT_EQ(world.job.session_uris_size(), 0);
  EXPECT_EQ(world.ended().debts_size(), 0);
  EXPECT_EQ(world.job.mount_state(), wire::DEAD);
}

TEST(InstallHappy, InstallsOnceInOrderAndCleansUp) {
  World world;
  ASSERT_TRUE(world.run());
  expect_clean(world);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.ended().proof(), wire::PROOF_BOOTED);
  EXPECT_EQ(world.ended().disk(), wire::DISK_NEW_SYSTEM);
  EXPECT_FALSE(world.ended().has_fault());
  EXPECT_THAT(world.bmc.changes, ElementsAre("insert", "boot", "reset On", "eject", "reset On"));
}

/// Of every BMC that World can be.
QuirkTable with_row(void (*change)(config::BmcQuirks& row), const char* field) {
  config::BmcQuirks row;
  row.set_name("odd");
  row.mutable_match()->set_vendor("*");
  change(row);
  (*row.mutable_sources())[field] = "a test";
  QuirkTable table;
  EXPECT_TRUE(table.add(row, QuirkOrigin::site));
  return table;
}

TEST(InstallHappy, AnOverrideThatIsKnownToStayIsTakenBackBeforeTheNewSystemStarts) {
  const auto table = with_row([](auto& row) { row.set_boot_continuous(true); }, "bootContinuous");
  World world;
  world.known.quirks = &table;
  world.bmc.override_becomes = "Continuous";
  ASSERT_TRUE(world.run());
  expect_clean(world);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_THAT(world.bmc.changes, ElementsAre("insert", "boot", "reset On", "eject", "unboot", "reset On"));
  EXPECT_EQ(world.bmc.boot_enabled, "Disabled");
}

TEST(InstallHappy, WhoTakesAnEjectWithoutABodyOnlyIsAskedSoAtOnce) {
  const auto table = with_row([](auto& row) { row.set_eject_without_body(true); }, "ejectWithoutBody");
  World world;
  world.known.quirks = &table;
  world.bmc.eject_body.clear();
  ASSERT_TRUE(world.run());
  expect_clean(world);
  const auto ejects = [&] {
    return std::ranges::count_if(world.asked,
                                 [](const auto& one) { return one.second.ends_with("EjectMedia"); });
  };
  EXPECT_EQ(ejects(), 1);
}

TEST(InstallHappy, AsksLittleOfTheBmc) {
  World world;
  world.install_time = 1s;
  world.post_time = 1s;
  world.job.mutable_agreed()->mutable_install()->mutable_proof()->set_minimum(wire::PROOF_POWEROFF);
  ASSERT_TRUE(world.run());
  EXPECT_LE(world.requests, 27);  // four of them for the MAC that the order names
  EXPECT_GE(world.requests, 18);
}

TEST(InstallHappy, AsksLessOftenTheLongerItRuns) {
  World world;
  world.install_time = 1h;
  world.job.mutable_agreed()->mutable_install()->mutable_stall_after()->set_seconds(2 * 3600);
  world.job.mutable_agreed()->mutable_install()->mutable_proof()->set_minimum(wire::PROOF_POWEROFF);
  ASSERT_TRUE(world.run());
  expect_clean(world);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_LE(world.requests, 165);  // every five seconds would be 720
  EXPECT_GE(world.requests, 60);
}

TEST(InstallHappy, FindsMediaUnderTheManager) {
  World world;
  world.bmc.media_under_manager = true;
  ASSERT_TRUE(world.run());
  expect_clean(world);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED);
}

struct Second {
  const char* name;
  wire::SecondMedium::Format format;
};

class InstallSecondMedium : public testing::TestWithParam<Second> {};

TEST_P(InstallSecondMedium, GoesIntoASlotOfItsOwnAndIsEjectedToo) {
  World world;
  world.use_second(GetParam().format);
  std::string held;
  world.bmc.on_power = [&, power = world.bmc.on_power](const std::string& state) {
    if (held.empty()) held = world.bmc.image + " " + world.bmc.second_image;
    power(state);
  };
  ASSERT_TRUE(world.run());
  expect_clean(world);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(held, "https://10.20.0.5:8443/m/k3j5h2.iso " + world.second_url);
  EXPECT_EQ(world.bmc.second_image, "");
  EXPECT_THAT(world.bmc.changes, ElementsAre("insert", "insert second", "boot", "reset On", "eject",
                                             "eject second", "reset On"));
}

TEST_P(InstallSecondMedium, IsRefusedBeforeAnythingIsDoneWithoutASlot) {
  World world;
  world.use_second(GetParam().format);
  world.bmc.second_slot = GetParam().format == wire::SecondMedium::ISO ? "USBStick" : "";
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::FAILED);
  EXPECT_EQ(world.ended().fault().code(), wire::NO_VIRTUAL_MEDIA);
  EXPECT_THAT(world.ended().fault().seen(), testing::HasSubstr(world.job.second().label()));
  EXPECT_TRUE(world.bmc.changes.empty());
}

INSTANTIATE_TEST_SUITE_P(All, InstallSecondMedium,
                         testing::Values(Second{"Cd", wire::SecondMedium::ISO},
                                         Second{"Stick", wire::SecondMedium::FAT}),
                         [](const auto& param) { return std::string(param.param.name); });

struct Quirk {
  const char* name;
  void (*set)(World&);
};

class InstallQuirk : public testing::TestWithParam<Quirk> {};

TEST_P(InstallQuirk, StillInstallsOnce) {
  World world;
  GetParam().set(world);
  ASSERT_TRUE(world.run());
  expect_clean(world);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
}

INSTANTIATE_TEST_SUITE_P(
    All, InstallQuirk,
    testing::Values(Quirk{"EtagRequired", [](World& world) { world.bmc.etag_required = true; }},
                    Quirk{"InsertByTask", [](World& world) { world.bmc.insert_by_task = true; }},
                    Quirk{"WantsProtocol", [](World& world) { world.bmc.wants_protocol = true; }},
                    Quirk{"OwnLeftover",
                          [](World& world) { world.bmc.image = "https://10.20.0.5:8443/m/0ld.iso"; }},
                    Quirk{"ForeignReplacedByOrder",
                          [](World& world) {
                            world.bmc.image = "http://other/x.iso";
                            world.job.mutable_agreed()->mutable_install()->set_replace_foreign_media(true);
                          }},
                    Quirk{"ResetConflicts", [](World& world) { world.bmc.reset_conflicts = 2; }},
                    Quirk{"CaWithoutPin",
                          [](World& world) {
                            world.job.mutable_agreed()->mutable_bmc()->set_tls(wire::BmcTarget::CA);
                            world.job.mutable_agreed()->mutable_bmc()->clear_key_sha256();
                          }},
                    Quirk{"OnAndForced",
                          [](World& world) {
                            world.bmc.power = "On";
                            world.job.mutable_agreed()->mutable_install()->set_power(wire::FORCE);
                          }},
                    Quirk{"OnAndGraceful",
                          [](World& world) {
                            world.bmc.power = "On";
                            world.job.mutable_agreed()->mutable_install()->set_power(wire::GRACEFUL);
                          }},
                    Quirk{"OnAndDeafToGraceful",
                          [](World& world) {
                            world.bmc.power = "On";
                            world.bmc.graceful_works = false;
                            world.job.mutable_agreed()->mutable_install()->set_power(wire::GRACEFUL);
                          }},
                    Quirk{"BmcAwayDuringTheInstall",
                          [](World& world) {
                            world.away_from = 3min;
                            world.away_until = 9min;
                          }},
                    Quirk{"ProvenByCallback",
                          [](World& world) {
                            world.calls_back = true;
                            world.job.mutable_agreed()->mutable_install()->mutable_proof()->set_minimum(
                                wire::PROOF_CALLBACK);
                          }},
                    Quirk{"ProvenByReach",
                          [](World& world) {
                            world.probe_open = true;
                            world.job.mutable_agreed()->mutable_install()->mutable_proof()->set_minimum(
                                wire::PROOF_REACHABLE);
                            world.job.mutable_agreed()->mutable_install()->mutable_proof()->set_reach_host(
                                "10.21.0.60");
                          }}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(InstallHappy, TouchesPowerOfARunningHostOnlyAfterArm) {
  World world;
  world.bmc.power = "On";
  world.job.mutable_agreed()->mutable_install()->set_power(wire::FORCE);
  ASSERT_TRUE(world.run());
  EXPECT_THAT(world.bmc.changes,
              ElementsAre("insert", "boot", "reset ForceOff", "reset On", "eject", "reset On"));
  EXPECT_EQ(world.violation, "");
}

TEST(InstallHappy, WaitsForItsWindowWithNothingInserted) {
  World world;
  *world.job.mutable_issue()->mutable_not_before() = to_wire(world.wall() + 30min);
  WallTime inserted_at{};
  const auto check = world.bmc.on_change;
  world.bmc.on_change = [&](const std::string& change) {
    if (change == "insert") inserted_at = world.wall();
    check(change);
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED);
  EXPECT_GE(inserted_at, WallTime(1'000'000s) + 30min);
}

TEST(InstallHappy, HoldsAtTheGateAndSaysWhyOnce) {
  World world;
  world.gate.may_arm = false;
  world.gate.why_not.set_code(wire::SITE_QUARANTINED);
  world.cancel_at = 20min;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::CANCELLED);
  EXPECT_EQ(world.count("reset On"), 0);
  const auto held =
      std::count_if(world.told.begin(), world.told.end(), [](const auto& event) { return event.has_held(); });
  EXPECT_EQ(held, 1);
}

// Slots lag: right after an insert they may still show nothing.
TEST(InstallHappy, EjectsWhatShowsUpLate) {
  World world;
  world.bmc.lagging_reads = 4;
  const auto check = world.bmc.on_change;
  world.bmc.on_change = [&](const std::string& change) {
    if (change == "insert") world.cancel_at = world.now.mono - MonoTime(1h) + 100ms;
    check(change);
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::CANCELLED);
  EXPECT_EQ(world.bmc.image, "") << "the medium was left behind";
}

// An old copy of the agent's store may not know that its medium is being installed from.
TEST(InstallHappy, TakesNoMediumOutBeforeItIsVouchedFor) {
  World world;
  world.bmc.image = "https://10.20.0.5:8443/m/k3j5h2.iso";
  world.gate.may_arm = world.gate.vouched = false;
  world.gate.why_not.set_code(wire::CLOCK_UNPROVEN);
  world.cancel_at = 20min;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.count("eject"), 0);
  const auto held =
      std::count_if(world.told.begin(), world.told.end(), [](const auto& event) { return event.has_held(); });
  EXPECT_EQ(held, 1);
}

// Nor what runs on the machine.
TEST(InstallHappy, SwitchesNothingBeforeItIsVouchedFor) {
  for (const char* before : {"Off", "On"}) {
    World world;
    world.bmc.power = before;
    world.job.mutable_agreed()->mutable_install()->set_power(wire::FORCE);
    world.gate.vouched = false;
    world.gate.why_not.set_code(wire::SITE_QUARANTINED);
    EXPECT_FALSE(world.run()) << "its own medium stays in as well";
    EXPECT_TRUE(world.job.armed());
    EXPECT_EQ(world.job.fault().code(), wire::ORDER_EXPIRED) << before;
    EXPECT_EQ(world.bmc.power, before);
    EXPECT_EQ(world.launches, 0);
  }
}

// Its twin may have installed the machine again since; that the job's own system once called says nothing of the
// one that answers now.
TEST(InstallHappy, WhatRunsIsNoProofBeforeItIsVouchedFor) {
  for (const bool called_and_reachable : {false, true}) {
    World world;
    world.gate.why_not.set_code(wire::SITE_QUARANTINED);
    world.calls_back = world.probe_open = called_and_reachable;
    if (called_and_reachable) {
      world.job.mutable_agreed()->mutable_install()->mutable_proof()->set_minimum(wire::PROOF_REACHABLE);
      world.job.mutable_agreed()->mutable_install()->mutable_proof()->set_reach_host("10.21.0.60");
    }
    bool ended_early = false;
    world.after_launch(1min, [&] { world.gate.vouched = false; });
    world.after_launch(2h, [&] {
      ended_early =
          std::any_of(world.told.begin(), world.told.end(), [](const auto& e) { return e.has_ended(); });
      world.gate.vouched = true;
    });
    ASSERT_TRUE(world.run());
    EXPECT_EQ(world.job.callback_seen(), called_and_reachable);
    EXPECT_FALSE(ended_early);
    EXPECT_THAT(world.held(), ElementsAre(wire::SITE_QUARANTINED));
    EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED);
  }
}

}  // namespace
}  // namespace metalmesh::install
