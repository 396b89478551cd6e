// A person at the site stops it, whoever else can be heard.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

using testing::HasSubstr;

class Stop : public ::testing::Test {
 protected:
  void say(const std::string& target, const std::string& body) {
    site_.deliver(ExchangeOpened{1, "POST", target, {}, body, "unix:root"});
  }
  std::vector<wire::Event> ended() const { return site_.told(&wire::Event::has_ended); }
  TestSite site_;
};

TEST_F(Stop, WhatIsNotLaunchedNeverWillBe) {
  site_.plant(armed_job(make_order(site_, 1), 1));
  site_.start();
  say("/stop-all", "smoke");
  EXPECT_EQ(site_.mount("token1"), wire::DEAD);
  site_.ask_launch("token1");
  EXPECT_EQ(site_.verdict("token1"), false);
  const auto told = site_.told(&wire::Event::has_held);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_TRUE(told[0].deployment_id().empty());
  EXPECT_THAT(told[0].held().fault().seen(), HasSubstr("stopped by a person there: smoke"));
  EXPECT_THAT(told[0].held().fault().detail(), HasSubstr("1 order cancelled"));
}

TEST_F(Stop, WhatIsLaunchedGoesOn) {
  record::Job job = armed_job(make_order(site_, 1), 1);
  job.set_stage(wire::WATCH);
  job.set_launched(true);
  job.set_mount_state(wire::LAUNCHED);
  site_.plant(job);
  site_.start();
  say("/stop-all", "smoke");
  EXPECT_EQ(site_.mount("token1"), wire::LAUNCHED);
  EXPECT_FALSE(site_.job("d1")->cancel_asked());
  EXPECT_TRUE(ended().empty());
}

TEST_F(Stop, NewOrdersAreRefusedUntilItMayGoOn) {
  site_.images_ready = false;
  site_.start();
  say("/stop-all", "smoke");
  site_.order(make_order(site_, 1));
  ASSERT_EQ(site_.receipts().size(), 1U);
  EXPECT_FALSE(site_.receipts()[0].accepted());
  EXPECT_EQ(site_.receipts()[0].refusal().code(), wire::CANCELLED_BY_OPERATOR);
  EXPECT_THAT(site_.receipts()[0].refusal().next(), HasSubstr("metalmesh-agent resume"));
  say("/resume", "");
  site_.order(make_order(site_, 2));
  EXPECT_TRUE(site_.receipts()[1].accepted());
}

TEST_F(Stop, AQueuedOneEndsWithoutTheController) {
  site_.images_ready = false;
  site_.start();
  site_.order(make_order(site_, 1));
  site_.bus = false;
  say("/stop-all", "smoke");
  EXPECT_TRUE(site_.job("d1")->ended());
  EXPECT_EQ(site_.job("d1")->ending(), wire::Ended::CANCELLED);
}

TEST_F(Stop, NothingElseIsHeardThere) {
  site_.start();
  say("/anything", "x");
  say("/stop-all", "");  // no reason
  EXPECT_TRUE(site_.told(&wire::Event::has_held).empty());
}

}  // namespace
}  // namespace metalmesh::test
