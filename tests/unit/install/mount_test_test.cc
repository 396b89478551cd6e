// A test of the way to a medium: it is inserted, seen to be read and taken, and nothing else is touched, whatever crashes.
#include <gmock/gmock.h>

#include "agents/install/mount_test_kind.h"
#include "tests/unit/install/world.h"

namespace metalmesh::install {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;

struct Testing : World {
  explicit Testing(bool in_use = false) {
    job.mutable_agreed()->mutable_mount_test()->set_in_use(in_use);
    reads_at_insert = true;
  }
  void expect_left_as_it_was() {
    EXPECT_EQ(violation, "");
    EXPECT_EQ(bmc.image, "") << "the medium is in still";
    EXPECT_THAT(bmc.changes, Each(testing::AnyOf("insert", "eject")))
        << "power or the next start was touched";
    EXPECT_EQ(launches, 0);
    EXPECT_EQ(ended().disk(), wire::DISK_UNTOUCHED);
    EXPECT_THAT(ended().debts(), IsEmpty());
    EXPECT_THAT(job.mount_state(), testing::AnyOf(wire::DEAD, wire::MOUNT_STATE_UNSPECIFIED));
    EXPECT_EQ(retries, 0);
  }
  [[nodiscard]] const wire::Finding& finding() const {
    EXPECT_EQ(ended().findings_size(), 1) << ended().ShortDebugString();
    return ended().findings(0);
  }
};

TEST(MountTest, SeesTheReadsAndLeavesNothingBehind) {
  Testing world;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.finding().verdict(), wire::Finding::FINE);
  EXPECT_THAT(world.finding().found(), HasSubstr("64 KiB of the test medium"));
  EXPECT_EQ(world.count("insert"), 1);
  world.expect_left_as_it_was();
}

TEST(MountTest, InsertsNothingWhereTheHostIsOn) {
  Testing world;
  world.bmc.power = "On";
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::POWERED_ON);
  EXPECT_EQ(world.finding().verdict(), wire::Finding::WRONG);
  EXPECT_THAT(world.finding().found(), HasSubstr("see a CD drive for about 40 s"));
  EXPECT_EQ(world.finding().next(), "metalmesh doctor server r01-u12 --mount-test --in-use");
  EXPECT_EQ(world.count("insert"), 0);
  world.expect_left_as_it_was();
}

TEST(MountTest, InsertsNothingWhereTheHostWentOnMeanwhile) {
  Testing world;
  bool on = false;
  world.bmc.on_get = [&](const std::string& path) {
    // Once the slots were looked for, which is after the host was seen off.
    if (!on && path.find("VirtualMedia/") != std::string::npos) world.bmc.power = "On";
    on = on || world.bmc.power == "On";
  };
  ASSERT_TRUE(world.run());
  ASSERT_TRUE(on);
  EXPECT_EQ(world.ended().fault().code(), wire::POWERED_ON) << world.ended().ShortDebugString();
  EXPECT_EQ(world.count("insert"), 0);
}

TEST(MountTest, InUseItTestsARunningHostAndLeavesItRunning) {
  Testing world(true);
  world.bmc.power = "On";
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.bmc.power, "On");
  world.expect_left_as_it_was();
}

TEST(MountTest, NamesBothCausesWhereNothingIsRead) {
  Testing world;
  world.reads_at_insert = false;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::MEDIA_NOT_REACHED) << world.ended().ShortDebugString();
  EXPECT_THAT(world.finding().found(), HasSubstr("https://10.20.0.5:8443"));
  EXPECT_THAT(world.finding().found(), HasSubstr("only when its host starts"));
  EXPECT_THAT(world.finding().next(), HasSubstr("metalmesh doctor server r01-u12 --mount-test"));
  world.expect_left_as_it_was();
}

TEST(MountTest, NamesABmcThatDoesNotTrustUs) {
  Testing world;
  world.reads_at_insert = false;
  world.tls_refusal = "unknown ca";
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::MEDIA_TLS_REFUSED) << world.ended().ShortDebugString();
  world.expect_left_as_it_was();
}

TEST(MountTest, TakesNobodysMedium) {
  Testing world;
  world.bmc.image = "https://elsewhere.example/rescue.iso";
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::FOREIGN_MEDIA) << world.ended().ShortDebugString();
  EXPECT_EQ(world.finding().next(), "eject it in the BMC's web page, or: metalmesh bmc eject r01-u12 --all");
  EXPECT_EQ(world.bmc.image, "https://elsewhere.example/rescue.iso");
  EXPECT_EQ(world.count("insert") + world.count("eject"), 0);
}

TEST(MountTest, SurvivesACrashAtEachRequest) {
  Testing whole;
  ASSERT_TRUE(whole.run());
  for (int at = 0; at < whole.requests; ++at) {
    for (const bool executed : {true, false}) {
      SCOPED_TRACE("request " + std::to_string(at) + (executed ? ", done" : ", not done"));
      Testing world;
      world.crash = {at, executed};
      ASSERT_TRUE(world.run());
      EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
      world.expect_left_as_it_was();
    }
  }
}

TEST(MountTest, IsCalledBackAtAnyMomentAndOwesNothing) {
  for (const Duration at : {50ms, 200ms, 500ms, 5000ms}) {
    Testing world;
    world.reads_at_insert = false;
    world.cancel_at = at;
    ASSERT_TRUE(world.run());
    EXPECT_EQ(world.ended().outcome(), wire::Ended::CANCELLED) << world.ended().ShortDebugString();
    world.expect_left_as_it_was();
  }
}

}  // namespace
}  // namespace metalmesh::install
