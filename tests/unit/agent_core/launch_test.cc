// The media fence: the one rule that lets an installer read its kernel.
#include <gtest/gtest.h>

#include "common/ports/wire_time.h"
#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

using namespace std::chrono_literals;

class Launch : public ::testing::Test {
 protected:
  Launch() : job_(armed_job(make_order(site_, 1), 1)) {}
  void start() {
    site_.plant(job_);
    site_.start();
  }
  std::size_t launches() const { return site_.told(&wire::Event::has_launched).size(); }
  TestSite site_;
  record::Job job_;
};

TEST_F(Launch, AnArmedJobIsLaunchedOnceAndForGood) {
  start();
  site_.ask_launch("token1");
  EXPECT_EQ(site_.verdict("token1"), true);
  EXPECT_TRUE(site_.job("d1")->launched());
  EXPECT_EQ(site_.job("d1")->mount_state(), wire::LAUNCHED);
  EXPECT_EQ(launches(), 1U);
  site_.ask_launch("token1");  // the media server restarted
  EXPECT_EQ(site_.verdict("token1"), true);
  EXPECT_EQ(launches(), 1U);
}

TEST_F(Launch, WhoWokeLateAsksWhetherItIsStillTheOnlyOne) {
  start();
  site_.advance(1s);
  site_.controller.proven = false;
  site_.sleep(30s);
  site_.ask_launch("token1");
  EXPECT_EQ(site_.verdict("token1"), std::nullopt) << "another one may have been followed meanwhile";
  site_.advance(1s);
  EXPECT_EQ(launches(), 0U);
  site_.controller.proven = true;
  site_.advance(1s);
  EXPECT_EQ(site_.verdict("token1"), true) << "it asks at once, not with the next heartbeat";
}

TEST_F(Launch, TheSecondMediumOpensWithTheLaunchAndNeverBefore) {
  job_.mutable_second()->set_label("OEMDRV");
  job_.mutable_second()->set_format(wire::SecondMedium::FAT);
  job_.set_second_token("second1");
  start();
  EXPECT_EQ(site_.mount("token1"), wire::OPEN);
  EXPECT_EQ(site_.mount("second1"), wire::CLOSED);
  site_.ask_launch("second1");
  EXPECT_EQ(site_.verdict("second1"), false) << "no installer is on it";
  EXPECT_EQ(launches(), 0U);
  site_.ask_launch("token1");
  EXPECT_EQ(site_.mount("second1"), wire::LAUNCHED);
  wire::MediaEvent read;
  read.mutable_reads()->set_token("second1");
  read.mutable_reads()->set_bytes_covered(4096);
  site_.media(read);
  EXPECT_TRUE(site_.job("d1")->second_read());
  EXPECT_EQ(site_.job("d1")->bytes_covered(), 0U);
}

TEST_F(Launch, TheInstalledSystemsCallReachesItsJob) {
  job_.set_stage(wire::VERIFY);
  job_.set_launched(true);
  job_.set_installer_ended(true);
  job_.set_final_power_on(true);
  job_.set_mount_state(wire::DEAD);
  start();
  wire::MediaEvent call;
  call.mutable_callback()->set_token("token1");
  site_.media(call);
  EXPECT_TRUE(site_.job("d1")->callback_seen());
}

TEST_F(Launch, TheGrantAndItsRowAreOneOutcome) {
  site_.plant(job_);
  site_.start();
  NamedSigner signer("par1");
  NamedVerifier verifier;
  SeededEntropy entropy(99);
  agent::AgentSettings settings = site_.settings;
  settings.wan_free = true;
  agent::AgentCore core(site_.store, signer, verifier, entropy, settings);
  const Now now{MonoTime(std::chrono::hours(2)), site_.wall(), site_.wall()};
  (void)core.handle(Started{}, now);
  wire::MediaEvent up;
  up.mutable_up()->set_address("192.0.2.5:8443");
  (void)core.handle(MediaReported{up}, now);
  wire::MediaEvent ask;
  ask.mutable_launch_asked()->set_token("token1");
  const Outcome outcome = core.handle(MediaReported{ask}, now);
  bool row = false;
  for (const RowWrite& write : outcome.rows) {
    record::Job job;
    row = row || (write.key == "job/d1" && job.ParseFromString(*write.value) && job.launched());
  }
  EXPECT_TRUE(row) << "the verdict is released by the commit that makes LAUNCHED durable";
}

TEST_F(Launch, NotBeforeArm) {
  job_.set_armed(false);
  job_.set_stage(wire::CONFIRM);
  job_.set_mount_state(wire::CLOSED);
  start();
  site_.ask_launch("token1");
  EXPECT_EQ(site_.verdict("token1"), false);
  EXPECT_FALSE(site_.job("d1")->launched());
}

TEST_F(Launch, NotAfterLaunchBy) {
  start();
  site_.advance(std::chrono::hours(5));
  EXPECT_EQ(site_.mount("token1"), wire::DEAD) << "an open medium dies by itself";
  site_.ask_launch("token1");
  EXPECT_EQ(site_.verdict("token1"), false);
  EXPECT_EQ(launches(), 0U);
}

TEST_F(Launch, ExpiryWhileTheAgentWasAwayIsNoticedBeforeAnyoneAsks) {
  *job_.mutable_issue()->mutable_launch_by() = to_wire(site_.wall() - std::chrono::seconds(1));
  site_.plant(job_);
  site_.start_alone();
  EXPECT_EQ(site_.mount("token1"), wire::OPEN) << "this machine's clock alone says so";
  site_.connect();
  EXPECT_EQ(site_.mount("token1"), wire::DEAD);
}

TEST_F(Launch, NotOnceALaterOrderWasSeen) {
  site_.plant(armed_job(make_order(site_, 1, 2), 1));
  record::Job old = armed_job(make_order(site_, 1, 1), 2);
  old.mutable_issue()->set_deployment_id("d-old");
  site_.plant(old);
  site_.start();
  site_.ask_launch("token2");
  EXPECT_EQ(site_.verdict("token2"), false);
}

TEST_F(Launch, UnknownTokensAreRefused) {
  start();
  site_.ask_launch("never-made");
  EXPECT_EQ(site_.verdict("never-made"), false);
}

TEST_F(Launch, AnUnprovenIncarnationMakesTheReaderWaitUntilItIsProven) {
  site_.controller.proven = false;
  start();
  site_.ask_launch("token1");
  EXPECT_EQ(site_.verdict("token1"), std::nullopt);
  EXPECT_FALSE(site_.job("d1")->launched());
  site_.controller.proven = true;
  site_.advance(std::chrono::minutes(1));
  EXPECT_EQ(site_.verdict("token1"), true);
}

TEST_F(Launch, AReaderThatWaitsIsSentAwayWhenTheOrderIsCancelled) {
  site_.controller.proven = false;
  start();
  site_.ask_launch("token1");
  site_.cancel(make_order(site_, 1));
  EXPECT_EQ(site_.verdict("token1"), false);
}

TEST_F(Launch, ASiteWithoutWanLaunchesByItself) {
  site_.settings.wan_free = true;
  site_.bus = false;
  start();
  site_.ask_launch("token1");
  EXPECT_EQ(site_.verdict("token1"), true);
}

TEST_F(Launch, AQuarantinedSiteLaunchesNothing) {
  site_.controller.quarantine = "two agents were seen";
  start();
  site_.ask_launch("token1");
  EXPECT_EQ(site_.verdict("token1"), false);
}

}  // namespace
}  // namespace metalmesh::test
