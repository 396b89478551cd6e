// Cancel is a handshake: an answer only after the fence is durable, and CANCELLED only if nothing launches.
#include <gtest/gtest.h>

#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

class Cancel : public ::testing::Test {
 protected:
  wire::CancelAnswer::Answer last_answer() const {
    const auto answers = site_.told(&wire::Event::has_cancel);
    return answers.empty() ? wire::CancelAnswer::ANSWER_UNSPECIFIED : answers.back().cancel().answer();
  }
  std::vector<wire::Event> ended() const { return site_.told(&wire::Event::has_ended); }
  TestSite site_;
};

TEST_F(Cancel, AQueuedJobEndsAtOnceUntouched) {
  site_.images_ready = false;
  site_.start();
  site_.order(make_order(site_, 1));
  site_.cancel(make_order(site_, 1));
  EXPECT_EQ(last_answer(), wire::CancelAnswer::CANCELLED);
  ASSERT_EQ(ended().size(), 1U);
  EXPECT_EQ(ended()[0].ended().outcome(), wire::Ended::CANCELLED);
  EXPECT_EQ(ended()[0].ended().disk(), wire::DISK_UNTOUCHED);
  site_.images_ready = true;
  site_.start();
  EXPECT_TRUE(site_.requests().empty()) << "it must never start";
}

TEST_F(Cancel, AnArmedJobsMediumDiesAndTheInstallerNeverStarts) {
  site_.plant(armed_job(make_order(site_, 1), 1));
  site_.start();
  site_.cancel(make_order(site_, 1));
  EXPECT_EQ(last_answer(), wire::CancelAnswer::CANCELLED);
  EXPECT_EQ(site_.mount("token1"), wire::DEAD);
  site_.ask_launch("token1");
  EXPECT_EQ(site_.verdict("token1"), false);
  EXPECT_TRUE(site_.told(&wire::Event::has_launched).empty());
}

TEST_F(Cancel, AfterTheLaunchItEndsWhatAPersonsWordEnds) {
  orders::Parts order = make_order(site_, 1);
  *order.agreed.mutable_boot_iso()->mutable_image() = wire::ImageRef(order.agreed.install().image());
  record::Job job = armed_job(order, 1);
  job.set_stage(wire::WATCH);
  job.set_launched(true);
  job.set_mount_state(wire::LAUNCHED);
  site_.plant(job);
  site_.start();
  site_.cancel(order);
  EXPECT_EQ(last_answer(), wire::CancelAnswer::TOO_LATE) << "it was booted";
  EXPECT_TRUE(site_.job("d1")->cancel_asked());
}

TEST_F(Cancel, AfterTheLaunchItIsTooLateAndTheJobGoesOn) {
  record::Job job = armed_job(make_order(site_, 1), 1);
  job.set_stage(wire::WATCH);
  job.set_launched(true);
  job.set_mount_state(wire::LAUNCHED);
  site_.plant(job);
  site_.start();
  site_.cancel(make_order(site_, 1));
  EXPECT_EQ(last_answer(), wire::CancelAnswer::TOO_LATE);
  EXPECT_EQ(site_.mount("token1"), wire::LAUNCHED);
  EXPECT_FALSE(site_.job("d1")->cancel_asked());
  EXPECT_TRUE(ended().empty());
}

record::Job job_in_custody(const TestSite& site) {
  record::Job job = armed_job(make_order(site, 1), 1);
  job.set_stage(wire::CUSTODY);
  job.set_launched(true);
  job.set_mount_state(wire::LAUNCHED);
  job.set_custody(true);
  job.set_ending(wire::Ended::INDETERMINATE);
  job.mutable_fault()->set_code(wire::INSTALLER_STALLED);
  return job;
}

TEST_F(Cancel, OfAJobInCustodyIsAPersonsWordToTakeTheMediumOut) {
  site_.plant(job_in_custody(site_));
  site_.start();
  EXPECT_EQ(site_.mount("token1"), wire::LAUNCHED);
  site_.cancel(make_order(site_, 1));
  EXPECT_EQ(last_answer(), wire::CancelAnswer::NOT_RUNNING) << "its end was told, and stands";
  EXPECT_EQ(site_.mount("token1"), wire::DEAD);
  EXPECT_EQ(site_.job("d1")->released_by(), wire::MediumReleased::PERSON);
  EXPECT_TRUE(ended().empty()) << "its end was told before";
}

TEST_F(Cancel, OfALaterOrderLeavesTheOneInCustodyAlone) {
  site_.plant(job_in_custody(site_));
  site_.start();
  orders::Parts later = make_order(site_, 1, 4);
  later.issue.set_deployment_id("d9");
  site_.cancel(later);
  EXPECT_EQ(site_.mount("token1"), wire::LAUNCHED);
  site_.order(later);
  const auto receipts = site_.told(&wire::Event::has_receipt);
  ASSERT_FALSE(receipts.empty());
  EXPECT_EQ(receipts.back().receipt().refusal().code(), wire::MACHINE_BUSY);
}

TEST_F(Cancel, AnOrderThatNeverCameIsFencedForEver) {
  site_.start();
  site_.cancel(make_order(site_, 1, 4));
  EXPECT_EQ(last_answer(), wire::CancelAnswer::NOT_RUNNING);
  site_.start();
  site_.order(make_order(site_, 1, 4));
  EXPECT_EQ(site_.receipts().back().refusal().code(), wire::GENERATION_FENCED);
  site_.order(make_order(site_, 1, 5));
  EXPECT_TRUE(site_.receipts().back().accepted());
}

TEST_F(Cancel, AnOldCancelDoesNotReachANewerOrder) {
  site_.start();
  site_.order(make_order(site_, 1, 7));
  orders::Parts before = make_order(site_, 1, 6);
  before.issue.set_deployment_id("d-before");
  site_.cancel(before);
  EXPECT_EQ(last_answer(), wire::CancelAnswer::NOT_RUNNING);
  EXPECT_TRUE(ended().empty());
  ASSERT_TRUE(site_.job("d1"));
  EXPECT_FALSE(site_.job("d1")->cancel_asked());
}

TEST_F(Cancel, ItCoversEveryLowerGenerationOfTheMachine) {
  site_.images_ready = false;
  site_.start();
  site_.order(make_order(site_, 1, 3));
  orders::Parts later = make_order(site_, 1, 5);
  later.issue.set_deployment_id("d-later");
  site_.cancel(later);
  ASSERT_EQ(ended().size(), 1U);
  EXPECT_EQ(ended()[0].deployment_id(), "d1");
}

TEST_F(Cancel, AskedTwiceItIsAnsweredTwiceAndEndsOnce) {
  site_.images_ready = false;
  site_.controller.acks = false;
  site_.start();
  site_.order(make_order(site_, 1));
  site_.cancel(make_order(site_, 1));
  site_.cancel(make_order(site_, 1));
  EXPECT_EQ(last_answer(), wire::CancelAnswer::CANCELLED);
  EXPECT_EQ(site_.told(&wire::Event::has_cancel).size(), 2U);
  EXPECT_EQ(ended().size(), 1U);
}

}  // namespace
}  // namespace metalmesh::test
