// A start from any image, once: it ends by a word, by its time or with its host, and leaves nothing behind.
#include <gmock/gmock.h>

#include "agents/install/boot_iso_kind.h"
#include "tests/unit/install/world.h"

namespace metalmesh::install {
namespace {

using testing::Contains;
using testing::HasSubstr;

struct Booting : World {
  explicit Booting(wire::BootIso::Afterwards afterwards = wire::BootIso::STAY) {
    const wire::Install install = job.agreed().install();
    wire::BootIso& boot = *job.mutable_agreed()->mutable_boot_iso();
    *boot.mutable_image() = install.image();
    boot.set_power(install.power());
    boot.mutable_max_run()->set_seconds(3600);
    boot.set_afterwards(afterwards);
    installer_ends = false;
  }
  void expect_over(const std::string& how) {
    EXPECT_EQ(violation, "");
    EXPECT_EQ(ended().outcome(), wire::Ended::SUCCEEDED) << ended().ShortDebugString();
    EXPECT_EQ(ended().proof(), wire::PROOF_NONE);
    EXPECT_EQ(ended().disk(), wire::DISK_UNKNOWN) << "whatever ran may have written";
    EXPECT_THAT(ended().evidence(), Contains(HasSubstr(how)));
    EXPECT_THAT(ended().debts(), testing::IsEmpty());
    EXPECT_EQ(job.mount_state(), wire::DEAD);
    EXPECT_EQ(bmc.image, "");
    EXPECT_EQ(launches, 1);
  }
};

TEST(BootIso, ItsTimeEndsIt) {
  Booting world;
  ASSERT_TRUE(world.run());
  world.expect_over("its 60 min were over");
  EXPECT_EQ(world.bmc.power, "On");
  EXPECT_EQ(world.count("reset On"), 1);
}

TEST(BootIso, APersonsWordEndsItAndTheHostIsLeftAsWasAgreed) {
  for (const auto afterwards : {wire::BootIso::STAY, wire::BootIso::SWITCH_OFF, wire::BootIso::RESTART}) {
    Booting world(afterwards);
    world.bmc.reset_types += R"(,"ForceRestart")";
    world.after_launch(5min, [&] {
      world.person_asked = true;
      EXPECT_TRUE(boot_iso_kind.past_return(world.job)) << "there is nothing to call back";
      world.give(work::CancelAsked{});
    });
    ASSERT_TRUE(world.run());
    world.expect_over("a person ended it");
    EXPECT_EQ(world.bmc.power, afterwards == wire::BootIso::SWITCH_OFF ? "Off" : "On");
    EXPECT_EQ(world.count("reset ForceRestart"), afterwards == wire::BootIso::RESTART ? 1 : 0);
  }
}

TEST(BootIso, AHostThatGoesOffOrStartsAnewHasEndedIt) {
  for (const bool off : {true, false}) {
    Booting world;
    world.bmc.boot_progress = "OSBootStarted";
    world.after_launch(5min, [&] {
      world.installer_is_over();
      if (off) return world.bmc.set_power("Off");
      world.bmc.boot_progress = "PCIResourceConfigStarted";
    });
    ASSERT_TRUE(world.run());
    world.expect_over(off ? "its host went off" : "its host started anew");
    EXPECT_EQ(world.bmc.power, off ? "Off" : "On") << "nobody switches it on again";
  }
}

TEST(BootIso, BeforeTheLaunchItIsCalledBack) {
  Booting world;
  world.cancel_at = 10s;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::CANCELLED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.ended().disk(), wire::DISK_UNTOUCHED);
  EXPECT_EQ(world.launches, 0);
}

TEST(BootIso, ABmcThatIsAwayForLongEndsNothing) {
  Booting world;
  world.away_from = 10min;
  world.away_until = 50min;
  ASSERT_TRUE(world.run());
  world.expect_over("were over");
}

TEST(BootIso, AnAgentThatRestartsGoesOn) {
  Booting world(wire::BootIso::SWITCH_OFF);
  world.after_launch(5min, [&] { world.restart(); });
  world.after_launch(30min, [&] {
    world.person_asked = true;
    world.give(work::CancelAsked{});
    world.restart();
  });
  ASSERT_TRUE(world.run());
  world.expect_over("a person ended it");
  EXPECT_EQ(world.bmc.power, "Off");
}

TEST(BootIso, AHostThatIsOnIsRefusedInTheWordsOfItsOwnCommand) {
  Booting world;
  world.bmc.power = "On";
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::POWERED_ON);
  EXPECT_THAT(world.ended().fault().next(), HasSubstr("metalmesh boot-iso"));
  EXPECT_THAT(world.ended().fault().next(), testing::Not(HasSubstr("metalmesh install")));
}

TEST(BootIso, AnOrderThatCannotBeMeantIsRefused) {
  Booting world;
  wire::Issue issue = world.job.issue();
  wire::Agreed agreed = world.job.agreed();
  agreed.mutable_boot_iso()->mutable_image()->set_sha256(std::string(64, 'a'));
  issue.add_image_urls("https://images.example.net/rescue.iso");
  EXPECT_EQ(boot_iso_kind.wrong(agreed, issue), std::nullopt);
  agreed.mutable_boot_iso()->mutable_max_run()->set_seconds(0);
  EXPECT_EQ(boot_iso_kind.wrong(agreed, issue), "max_run is not positive");
}

}  // namespace
}  // namespace metalmesh::install
