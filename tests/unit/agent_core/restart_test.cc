// What a new life makes of what an earlier one left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

class Restart : public ::testing::Test {
 protected:
  TestSite site_;
};

TEST_F(Restart, OpenMediaAreServedBeforeTheBusIsUp) {
  site_.plant(armed_job(make_order(site_, 1), 1));
  site_.start_alone();
  ASSERT_FALSE(site_.left().empty());
  EXPECT_EQ(site_.left().front(), "media");
  EXPECT_EQ(site_.mount("token1"), wire::OPEN);
  EXPECT_EQ(site_.published(), 0U);
}

TEST_F(Restart, ARestartedMediaServerIsToldEveryMedium) {
  site_.plant(armed_job(make_order(site_, 1), 1));
  site_.plant(armed_job(make_order(site_, 2), 2));
  site_.start();
  const std::size_t before = site_.sent_to_media().size();
  wire::MediaEvent up;
  up.mutable_up()->set_address("192.0.2.5:8443");
  site_.media(up);
  const auto sent = site_.sent_to_media();
  ASSERT_EQ(sent.size(), before + 3);
  EXPECT_THAT(sent.back().all().tokens(), testing::UnorderedElementsAre("token1", "token2"))
      << "and that these are all";
}

TEST_F(Restart, JobsThatHeldTheirBmcGoOnBeyondTheLimitAndNewOnesWait) {
  site_.settings.parallel = 1;
  site_.plant(armed_job(make_order(site_, 1), 1));
  site_.plant(armed_job(make_order(site_, 2), 2));
  record::Job waiting = armed_job(make_order(site_, 3), 3);
  waiting.set_stage(wire::QUEUED);
  waiting.set_armed(false);
  waiting.set_mount_state(wire::CLOSED);
  site_.plant(waiting);
  site_.start();
  std::set<std::string> spoken;
  for (const HttpRequest& request : site_.requests()) spoken.insert(request.url);
  EXPECT_EQ(spoken.size(), 2U) << "observed before anything else is done";
  for (const HttpRequest& request : site_.requests()) EXPECT_EQ(request.method, "GET");
}

TEST_F(Restart, AnEndedJobStaysUntilItsEndIsAcknowledged) {
  site_.controller.acks = false;
  site_.images_ready = false;
  site_.start();
  site_.order(make_order(site_, 1));
  site_.cancel(make_order(site_, 1));
  ASSERT_TRUE(site_.job("d1"));
  EXPECT_TRUE(site_.job("d1")->ended());
  site_.controller.acks = true;
  site_.start();
  EXPECT_FALSE(site_.job("d1"));
  EXPECT_EQ(site_.told(&wire::Event::has_ended).size(), 1U) << "told once, in order, by either life";
}

TEST_F(Restart, EventsAndCursorSurviveWithoutLossOrRepetition) {
  site_.start();
  site_.bus = false;  // the WAN goes away
  site_.deliver(BusDown{"no route"});
  site_.plant(armed_job(make_order(site_, 9), 9));
  site_.start_alone();
  const std::size_t known = site_.controller.events().size();
  site_.bus = true;
  site_.order(make_order(site_, 1));  // lost: the bus is not up for the agent
  site_.connect();
  site_.advance(std::chrono::minutes(1));
  EXPECT_GT(site_.controller.events().size(), known);
  ASSERT_EQ(site_.receipts().size(), 1U);
  EXPECT_TRUE(site_.receipts()[0].accepted());
  site_.start();
  site_.advance(std::chrono::minutes(1));
  EXPECT_EQ(site_.receipts().size(), 1U);
}

TEST_F(Restart, ACopiedFolderDoesNotAct) {
  site_.plant(armed_job(make_order(site_, 1), 1));
  site_.start();
  site_.settings.machine_id = "machine-2";
  site_.start_alone();
  EXPECT_THAT(site_.halted(), ::testing::HasSubstr("machine-1"));
  EXPECT_TRUE(site_.sent_to_media().empty());
}

TEST_F(Restart, ARolledBackFolderIsQuarantinedForGood) {
  site_.start();
  site_.controller.claimed_cursor = 1000;
  site_.start();
  site_.controller.claimed_cursor.reset();
  site_.plant(armed_job(make_order(site_, 1), 1));
  site_.start();
  site_.advance(std::chrono::minutes(1));
  ASSERT_TRUE(site_.controller.last_hello());
  EXPECT_TRUE(site_.controller.last_hello()->quarantined());
  EXPECT_THAT(site_.controller.last_hello()->quarantine_reason(), ::testing::HasSubstr("rolled back"));
  site_.ask_launch("token1");
  EXPECT_EQ(site_.verdict("token1"), false);
}

TEST_F(Restart, WhoseHistoryIsContradictedAnswersNothing) {
  site_.start();
  site_.order(make_order(site_, 1));
  const std::size_t told = site_.receipts().size();
  site_.controller.claimed_cursor = 1000;
  site_.start();
  site_.advance(std::chrono::minutes(1));
  ASSERT_TRUE(site_.controller.last_hello()->quarantined());
  site_.cancel(make_order(site_, 1));
  EXPECT_EQ(site_.receipts().size(), told) << "another copy may have launched it";
  EXPECT_TRUE(site_.told(&wire::Event::has_cancel).empty());
}

TEST_F(Restart, WhoseHistoryIsContradictedEndsNothing) {
  site_.start();
  site_.order(make_order(site_, 1));
  site_.controller.claimed_cursor = 1000;
  site_.start();
  site_.advance(std::chrono::hours(24));
  ASSERT_TRUE(site_.controller.last_hello()->quarantined());
  EXPECT_TRUE(site_.told(&wire::Event::has_ended).empty()) << "its start_by is over, its disk unknown";
}

TEST_F(Restart, SaysHowFarTheLedgerWasThatItWasToldOf) {
  site_.controller.ledger = "life-7";
  site_.start();
  site_.order(make_order(site_, 1));  // rows are written
  site_.controller.ledger.clear();
  site_.start();
  ASSERT_TRUE(site_.controller.last_hello());
  EXPECT_EQ(site_.controller.last_hello()->ledger(), "life-7");
}

TEST_F(Restart, ProgressIsSampledAtMostOncePerSecondAndNeverJournalled) {
  record::Job job = armed_job(make_order(site_, 1), 1);
  job.set_stage(wire::WATCH);
  job.set_launched(true);
  job.set_mount_state(wire::LAUNCHED);
  site_.plant(job);
  site_.start();
  const std::size_t facts = site_.controller.events().size();
  for (int i = 1; i <= 10; ++i) {
    wire::MediaEvent reads;
    reads.mutable_reads()->set_token("token1");
    reads.mutable_reads()->set_bytes_covered(static_cast<std::uint64_t>(i) * 1000);
    reads.mutable_reads()->set_size(100000);
    site_.media(reads);
    site_.advance(std::chrono::milliseconds(250));
  }
  ASSERT_EQ(site_.controller.samples().size(), 3U);
  EXPECT_EQ(site_.controller.samples()[1].percent(), 5U);
  EXPECT_EQ(site_.controller.samples()[1].bytes_per_second(), 4000U);
  EXPECT_EQ(site_.controller.events().size(), facts);
  site_.advance(std::chrono::seconds(1));
  wire::MediaEvent call;  // anything about this job will do
  call.mutable_callback()->set_token("token1");
  site_.media(call);
  ASSERT_EQ(site_.controller.samples().size(), 4U) << "the last read came too soon to be told at once";
  EXPECT_EQ(site_.controller.samples()[3].percent(), 10U);
}

}  // namespace
}  // namespace metalmesh::test
