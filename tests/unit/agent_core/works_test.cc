// Orders of different kinds of work at one site: who changes a machine is alone on it, who reads is not.
#include "agents/core/works.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::Power;

class Works : public ::testing::Test {
 protected:
  void SetUp() override {
    site_.images_ready = false;  // an install stays where it is
    site_.start();
  }
  static orders::Parts power(const TestSite& site, int n, Power::Change change,
                             std::uint64_t generation = 1) {
    orders::Parts order = make_order(site, n, generation);
    order.issue.set_deployment_id("p" + std::to_string(n) + "-" + std::to_string(generation));
    order.agreed.mutable_power()->set_change(change);
    order.issue.clear_image_urls();
    order.issue.clear_launch_by();
    return order;
  }
  static orders::Parts inspect(const TestSite& site, int n) {
    orders::Parts order = make_order(site, n, 0);
    order.issue.set_deployment_id("i" + std::to_string(n));
    order.agreed.mutable_inspect();
    order.agreed.clear_identity();
    order.issue.clear_image_urls();
    order.issue.clear_launch_by();
    order.issue.clear_start_by();
    return order;
  }
  FakeBmc& bmc(int n) {
    FakeBmc& bmc = site_.bmcs["10.0.0." + std::to_string(n)];
    const orders::Parts order = make_order(site_, n);
    bmc.uuid = order.agreed.identity().uuid();
    bmc.serial = order.agreed.identity().serial();
    return bmc;
  }
  [[nodiscard]] std::vector<wire::Ended> ends(const std::string& deployment) const {
    std::vector<wire::Ended> found;
    for (const wire::Event& event : site_.told(&wire::Event::has_ended))
      if (event.deployment_id() == deployment) found.push_back(event.ended());
    return found;
  }
  [[nodiscard]] wire::CommandReceipt receipt() const { return site_.receipts().back(); }
  [[nodiscard]] wire::CancelAnswer::Answer answer() const {
    return site_.told(&wire::Event::has_cancel).back().cancel().answer();
  }
  [[nodiscard]] int requests_to(int n) const {
    const std::string host = "https://10.0.0." + std::to_string(n) + "/";
    return static_cast<int>(std::ranges::count_if(
        site_.requests(), [&](const HttpRequest& request) { return request.url.starts_with(host); }));
  }
  /// The BMC stays silent: whatever it is asked for so long, fails.
  void stay_silent(int n, Duration time) {
    const std::string host = "https://10.0.0." + std::to_string(n) + "/";
    std::string failed;
    for (Duration past{}; past < time; past += 10s) {
      std::string last;
      for (const HttpRequest& request : site_.requests())
        if (request.url.starts_with(host)) last = request.id;
      if (!last.empty() && last != failed)
        site_.deliver(HttpFailed{last, HttpFailure::timed_out, "no answer"});
      failed = last;
      site_.advance(10s);
    }
  }
  TestSite site_;
};

TEST_F(Works, TheTableSaysWhatTheHouseMustKnow) {
  const auto install = make_order(site_, 1);
  EXPECT_EQ(agent::kind_of(install.agreed).name, "install");
  EXPECT_TRUE(agent::kind_of(install.agreed).changes);
  const work::Materials needs = agent::kind_of(install.agreed).materials(install.agreed, install.issue);
  EXPECT_TRUE(agent::kind_of(install.agreed).medium);
  EXPECT_THAT(needs.images, SizeIs(1));
  EXPECT_THAT(needs.blobs, SizeIs(1));

  const auto change = power(site_, 1, Power::ON);
  EXPECT_EQ(agent::kind_of(change.agreed).name, "power");
  EXPECT_TRUE(agent::kind_of(change.agreed).changes);
  EXPECT_FALSE(agent::kind_of(change.agreed).medium);

  EXPECT_EQ(agent::kind_of(inspect(site_, 1).agreed).name, "inspect");
  EXPECT_FALSE(agent::kind_of(inspect(site_, 1).agreed).changes);
  EXPECT_EQ(agent::find_kind(wire::Agreed()), nullptr);
}

TEST_F(Works, EachSaysFromWhereOnItIsNotCalledBack) {
  record::Job job;
  *job.mutable_agreed() = make_order(site_, 1).agreed;
  job.set_armed(true);
  EXPECT_FALSE(agent::kind_of(job).past_return(job));
  job.set_launched(true);
  EXPECT_TRUE(agent::kind_of(job).past_return(job));
  *job.mutable_agreed() = power(site_, 1, Power::ON).agreed;
  job.set_launched(false);
  EXPECT_FALSE(agent::kind_of(job).past_return(job)) << "armed, and nothing was told";
  job.set_intent(record::Job::RESET_ON);
  EXPECT_TRUE(agent::kind_of(job).past_return(job));
}

TEST_F(Works, AStartFromAnImageNeedsNoProfileAndEndsByAWordThatComesTooLateToCallItBack) {
  orders::Parts order = make_order(site_, 1);
  *order.agreed.mutable_boot_iso()->mutable_image() = wire::ImageRef(order.agreed.install().image());
  order.agreed.mutable_boot_iso()->mutable_image()->set_sha256(std::string(64, 'a'));
  const work::Kind& kind = agent::kind_of(order.agreed);
  EXPECT_EQ(kind.name, "bootIso");
  EXPECT_TRUE(kind.changes);
  EXPECT_TRUE(kind.ends_by_word);
  const work::Materials needs = kind.materials(order.agreed, order.issue);
  EXPECT_TRUE(kind.medium);
  EXPECT_THAT(needs.images, SizeIs(1));
  EXPECT_EQ(needs.images.front().sha256(), std::string(64, 'a'));
  EXPECT_THAT(needs.blobs, IsEmpty());
}

TEST_F(Works, ATestOfTheWayTakesAMediumOfNoImageThatAnybodyMayRead) {
  orders::Parts order = power(site_, 1, Power::ON);
  order.agreed.mutable_mount_test();
  FakeBmc& machine = bmc(1);
  (void)machine;
  const work::Kind& kind = agent::kind_of(order.agreed);
  EXPECT_TRUE(kind.changes);
  EXPECT_TRUE(kind.medium);
  EXPECT_THAT(kind.materials(order.agreed, order.issue).images, IsEmpty());
  site_.order(order);
  EXPECT_TRUE(receipt().accepted());
  const auto sent = site_.sent_to_media();
  const auto mount = std::ranges::find_if(sent, &wire::MediaCommand::has_mount);
  ASSERT_NE(mount, sent.end());
  EXPECT_GE(mount->mount().second().test_bytes(), 1U << 20U);
  EXPECT_FALSE(mount->mount().has_image());
  EXPECT_EQ(mount->mount().state(), wire::CLOSED);
}

TEST_F(Works, WhoIsToTellWhatIsWrongIsNotHeldByIt) {
  orders::Parts order = inspect(site_, 1);
  order.agreed.mutable_doctor();
  site_.deliver(CredentialsChanged{});
  site_.order(order);
  EXPECT_THAT(site_.told(&wire::Event::has_held), IsEmpty());
  EXPECT_EQ(requests_to(1), 1);
}

TEST_F(Works, APowerOrderIsDone) {
  FakeBmc& machine = bmc(1);
  site_.order(power(site_, 1, Power::ON));
  EXPECT_TRUE(receipt().accepted());
  site_.advance(1min);
  ASSERT_THAT(ends("p1-1"), SizeIs(1));
  EXPECT_EQ(ends("p1-1").front().outcome(), wire::Ended::SUCCEEDED)
      << ends("p1-1").front().ShortDebugString();
  EXPECT_EQ(ends("p1-1").front().power(), "On");
  EXPECT_THAT(machine.resets, ElementsAre(R"({"ResetType":"On"})"));
  EXPECT_EQ(machine.sessions_open, 0);
  EXPECT_THAT(site_.image_acts, IsEmpty());
  EXPECT_FALSE(site_.job("p1-1")) << "acknowledged";
}

TEST_F(Works, APowerOrderNeedsNoMediaServer) {
  TestSite alone;
  alone.start_alone();
  alone.connect();
  FakeBmc& machine = alone.bmcs["10.0.0.1"];
  const auto order = power(alone, 1, Power::ON);
  machine.uuid = order.agreed.identity().uuid();
  machine.serial = order.agreed.identity().serial();
  alone.order(order);
  alone.advance(1min);
  EXPECT_EQ(machine.power, "On");
}

TEST_F(Works, APowerOrderOfAnUnknownChangeIsRefused) {
  site_.order(power(site_, 1, static_cast<Power::Change>(99)));
  EXPECT_EQ(receipt().refusal().code(), wire::UNSUPPORTED_COMMAND) << "as of a kind that a later agent knows";
}

TEST_F(Works, NoPowerWhileAnotherOrderOfTheMachineIsOpen) {
  FakeBmc& machine = bmc(1);
  site_.order(make_order(site_, 1));
  site_.order(power(site_, 1, Power::OFF, 2));
  EXPECT_EQ(receipt().refusal().code(), wire::MACHINE_BUSY);
  site_.advance(1min);
  EXPECT_THAT(machine.resets, IsEmpty());
}

TEST_F(Works, NoPowerWhileAnInstallerMayRunInCustody) {
  TestSite site;
  record::Job job = armed_job(make_order(site, 1), 1);
  job.set_launched(true);
  job.set_mount_state(wire::LAUNCHED);
  job.set_custody(true);
  job.set_stage(wire::CUSTODY);
  site.plant(job);
  site.start();
  site.order(power(site, 1, Power::OFF, 2));
  EXPECT_EQ(site.receipts().back().refusal().code(), wire::MACHINE_BUSY);
}

/// Another system of the same BMC, whose installer reads through it.
TEST_F(Works, NoPowerAtABmcWhoseInstallerWaitsForTheMediaServer) {
  TestSite site;
  record::Job job = armed_job(make_order(site, 2), 2);
  job.set_launched(true);
  job.set_mount_state(wire::LAUNCHED);
  job.set_stage(wire::WATCH);
  site.plant(job);
  site.start_alone();
  site.connect();
  orders::Parts other = power(site, 1, Power::BMC_RESET);
  other.agreed.mutable_bmc()->set_address("10.0.0.2");
  site.order(other);
  EXPECT_TRUE(site.receipts().back().accepted());
  site.advance(1min);
  EXPECT_THAT(site.requests(), IsEmpty());
}

TEST_F(Works, AnInstallWaitsForNoPowerOrder) {
  site_.order(power(site_, 1, Power::ON));  // its BMC is silent
  site_.order(make_order(site_, 1, 2));
  EXPECT_EQ(receipt().refusal().code(), wire::MACHINE_BUSY);
}

TEST_F(Works, APowerOrderGoesByTheFence) {
  bmc(1);
  site_.order(power(site_, 1, Power::ON, 2));
  site_.advance(1min);
  ASSERT_THAT(ends("p1-2"), SizeIs(1));
  auto again = power(site_, 1, Power::OFF, 2);
  again.issue.set_deployment_id("other");
  site_.order(again);
  EXPECT_EQ(receipt().refusal().code(), wire::GENERATION_FENCED);
}

TEST_F(Works, ChangingWorksTakePlacesAndReadingOnesDoNot) {
  site_.settings.parallel = 1;
  site_.start();
  bmc(2);
  bmc(3);
  site_.order(power(site_, 1, Power::ON));  // its BMC is silent
  site_.advance(1s);
  site_.order(power(site_, 2, Power::ON));
  site_.order(inspect(site_, 3));
  site_.advance(20s);
  EXPECT_EQ(requests_to(2), 0);
  EXPECT_THAT(ends("i3"), SizeIs(1));
  stay_silent(1, 30min);
  EXPECT_THAT(ends("p1-1"), SizeIs(1));
  EXPECT_THAT(ends("p2-1"), SizeIs(1));
}

TEST_F(Works, APowerOrderIsCalledBackBeforeArmAndNotAfter) {
  const auto silent = power(site_, 1, Power::ON);
  site_.order(silent);
  site_.advance(1s);
  site_.cancel(silent);
  EXPECT_EQ(answer(), wire::CancelAnswer::CANCELLED);
  stay_silent(1, 2min);
  ASSERT_THAT(ends("p1-1"), SizeIs(1));
  EXPECT_EQ(ends("p1-1").front().outcome(), wire::Ended::CANCELLED);

  TestSite later;
  const auto order = power(later, 2, Power::ON);
  record::Job job = armed_job(order, 1);
  job.clear_mount_token();
  job.clear_mount_state();
  job.set_intent(record::Job::RESET_ON);
  later.plant(job);
  FakeBmc& machine = later.bmcs["10.0.0.2"];
  machine.uuid = order.agreed.identity().uuid();
  machine.serial = order.agreed.identity().serial();
  later.start();
  later.cancel(order);
  EXPECT_EQ(later.told(&wire::Event::has_cancel).back().cancel().answer(), wire::CancelAnswer::TOO_LATE);
  later.advance(2min);
  const auto told = later.told(&wire::Event::has_ended);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told.front().ended().outcome(), wire::Ended::SUCCEEDED) << told.front().ShortDebugString();
}

TEST_F(Works, AnInspectionIsToldAndEnds) {
  FakeBmc& machine = bmc(1);
  machine.power = "On";
  site_.order(inspect(site_, 1));
  EXPECT_TRUE(receipt().accepted());
  site_.advance(10s);
  const auto told = site_.told(&wire::Event::has_inspected);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told.front().deployment_id(), "i1");
  EXPECT_EQ(told.front().inspected().request_id(), "i1");
  EXPECT_EQ(told.front().inspected().identity().serial(), machine.serial);
  ASSERT_THAT(ends("i1"), SizeIs(1));
  EXPECT_EQ(ends("i1").front().outcome(), wire::Ended::SUCCEEDED);
  EXPECT_EQ(ends("i1").front().disk(), wire::DISK_UNTOUCHED);
  EXPECT_EQ(ends("i1").front().power(), "On");
  EXPECT_EQ(machine.sessions_open, 0);
  EXPECT_THAT(*site_.store.scan("fence/", "fence0", 10), IsEmpty()) << "who reads touches no fence";
  EXPECT_THAT(*site_.store.scan("bmc/", "bmc0", 10), SizeIs(1)) << "what it learned of the BMC stays";
}

TEST_F(Works, AnInspectionThatFailsSaysWhy) {
  bmc(1).refuses_login = true;
  site_.order(inspect(site_, 1));
  site_.advance(1min);
  ASSERT_THAT(ends("i1"), SizeIs(1));
  EXPECT_EQ(ends("i1").front().outcome(), wire::Ended::FAILED);
  EXPECT_EQ(ends("i1").front().fault().code(), wire::BMC_LOGIN_REFUSED);
  EXPECT_EQ(ends("i1").front().disk(), wire::DISK_UNTOUCHED);
  EXPECT_TRUE(site_.told(&wire::Event::has_inspected).front().inspected().has_fault());
}

TEST_F(Works, WhoReadsHasNoGeneration) {
  auto order = inspect(site_, 1);
  order.issue.set_generation(3);
  site_.order(order);
  EXPECT_EQ(receipt().refusal().code(), wire::ORDER_INVALID);
  EXPECT_THAT(receipt().refusal().seen(), HasSubstr("generation"));
  EXPECT_THAT(*site_.store.scan("fence/", "fence0", 10), IsEmpty());
}

TEST_F(Works, AnInspectionRunsBesideAnOpenOrderOfItsMachine) {
  bmc(1);
  site_.order(make_order(site_, 1));  // waits for its image
  auto look = inspect(site_, 1);
  *look.agreed.mutable_identity() = make_order(site_, 1).agreed.identity();
  site_.order(look);
  EXPECT_TRUE(receipt().accepted());
  site_.advance(10s);
  EXPECT_THAT(ends("i1"), SizeIs(1));
  EXPECT_THAT(ends("d1"), IsEmpty());
}

TEST_F(Works, AnInspectionReadsBesideWhatChangesItsMachine) {
  site_.order(power(site_, 1, Power::ON));  // holds the silent BMC
  site_.advance(1s);
  ASSERT_EQ(requests_to(1), 1);
  bmc(1);  // it answers whoever asks now
  auto look = inspect(site_, 1);
  *look.agreed.mutable_identity() = make_order(site_, 1).agreed.identity();
  site_.order(look);
  site_.advance(10s);
  ASSERT_THAT(ends("i1"), SizeIs(1));
  EXPECT_EQ(ends("i1").front().outcome(), wire::Ended::SUCCEEDED);
  EXPECT_THAT(ends("p1-1"), IsEmpty());
}

TEST_F(Works, AnInspectionKeepsNoOrderAwayAndAChangeWaitsForIt) {
  auto look = inspect(site_, 1);
  *look.agreed.mutable_identity() = make_order(site_, 1).agreed.identity();
  site_.order(look);  // its BMC is silent
  site_.advance(1s);
  site_.order(power(site_, 1, Power::ON));
  EXPECT_TRUE(receipt().accepted());
  const int asked = requests_to(1);
  site_.advance(2s);
  EXPECT_EQ(requests_to(1), asked) << "a change begins when nobody reads";
  stay_silent(1, 30min);
  EXPECT_THAT(ends("i1"), SizeIs(1));
  EXPECT_THAT(ends("p1-1"), SizeIs(1));
}

TEST_F(Works, AnInspectionIsCalledBackWhileItWaitsAndWhileItReads) {
  auto first = inspect(site_, 1);
  first.issue.set_deployment_id("i0");
  site_.order(first);  // holds the silent BMC
  site_.advance(1s);
  site_.order(inspect(site_, 1));
  site_.cancel(inspect(site_, 1));
  EXPECT_EQ(answer(), wire::CancelAnswer::CANCELLED);
  ASSERT_THAT(ends("i1"), SizeIs(1));
  EXPECT_EQ(ends("i1").front().outcome(), wire::Ended::CANCELLED);

  site_.order(inspect(site_, 2));
  site_.advance(1s);
  EXPECT_GT(requests_to(2), 0);
  site_.cancel(inspect(site_, 2));
  EXPECT_EQ(answer(), wire::CancelAnswer::CANCELLED);
  stay_silent(2, 2min);
  ASSERT_THAT(ends("i2"), SizeIs(1));
  EXPECT_EQ(ends("i2").front().outcome(), wire::Ended::CANCELLED);
  EXPECT_THAT(site_.told(&wire::Event::has_inspected), IsEmpty());
}

TEST_F(Works, ACancelReachesNoWorkOfTheOtherSort) {
  site_.order(make_order(site_, 1));
  auto look = inspect(site_, 1);
  *look.agreed.mutable_identity() = make_order(site_, 1).agreed.identity();
  site_.order(look);  // its BMC is silent
  site_.advance(1s);
  auto wrong = inspect(site_, 1);
  wrong.issue.set_deployment_id("d1");
  site_.cancel(wrong);
  EXPECT_EQ(answer(), wire::CancelAnswer::NOT_RUNNING);
  EXPECT_THAT(ends("d1"), IsEmpty());
  site_.cancel(make_order(site_, 1));
  EXPECT_EQ(answer(), wire::CancelAnswer::CANCELLED);
  EXPECT_THAT(ends("d1"), SizeIs(1));
  EXPECT_THAT(ends("i1"), IsEmpty());
}

TEST_F(Works, WhatWasOrderedTwiceIsDoneOnce) {
  site_.order(inspect(site_, 1));  // its BMC is silent
  site_.advance(1s);
  site_.start();
  site_.order(inspect(site_, 1));
  EXPECT_TRUE(receipt().accepted());
  bmc(1);
  stay_silent(1, 20s);  // what it was asked last before it came back
  site_.advance(2min);
  ASSERT_THAT(ends("i1"), SizeIs(1));
  EXPECT_EQ(ends("i1").front().outcome(), wire::Ended::SUCCEEDED) << "a crash begins it anew";
  EXPECT_THAT(site_.told(&wire::Event::has_inspected), SizeIs(1));

  FakeBmc& machine = bmc(2);
  site_.order(power(site_, 2, Power::ON));
  site_.start();
  site_.order(power(site_, 2, Power::ON));
  site_.advance(2min);
  EXPECT_THAT(ends("p2-1"), SizeIs(1));
  EXPECT_THAT(machine.resets, SizeIs(1));
  site_.order(power(site_, 2, Power::ON));
  EXPECT_EQ(receipt().refusal().code(), wire::GENERATION_FENCED);
}

}  // namespace
}  // namespace metalmesh::test
