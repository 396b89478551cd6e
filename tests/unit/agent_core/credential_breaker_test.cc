// When one wrong password holds the jobs of its site, and when it does not.
#include "agents/core/credential_breaker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/ports/wire_time.h"
#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Breaker : public ::testing::Test {
 protected:
  static constexpr std::uint32_t limit = 3;
  static agent::Login at(int n, bool planned = false) {
    return {"c", "10.0.0." + std::to_string(n), planned};
  }
  bool refuse(int n, bool planned = false) {
    Outcome out;
    const bool begins = breaker_.refused(at(n, planned), limit, now_, out);
    rows_.commit(out.rows);
    return begins;
  }
  bool accept(int n) {
    Outcome out;
    const bool ends = breaker_.accepted(at(n), limit, now_, out);
    rows_.commit(out.rows);
    return ends;
  }
  std::vector<std::string> set(const std::string& version) {
    Outcome out;
    auto released = breaker_.changed({{{"c", version}}}, out);
    rows_.commit(out.rows);
    return released;
  }
  std::optional<wire::Fault> why_not(int n, bool planned = false) {
    return breaker_.why_not(at(n, planned), limit, now_);
  }
  std::uint32_t room(std::uint32_t logging_in = 1) { return breaker_.room("c", limit, logging_in, now_); }
  void pass(Duration time) {
    now_.mono += time;
    now_.wall_low += time;
    now_.wall_high += time;
  }

  MemoryRows rows_;
  agent::CredentialBreaker breaker_{rows_};
  Now now_{MonoTime(std::chrono::hours(1)), WallTime(std::chrono::hours(9000)),
           WallTime(std::chrono::hours(9000))};
};

TEST_F(Breaker, DifferentBmcsThatRefuseHoldACredentialAndAreNamed) {
  EXPECT_FALSE(refuse(1));
  EXPECT_FALSE(refuse(2));
  EXPECT_FALSE(why_not(4));
  EXPECT_TRUE(refuse(3));
  ASSERT_TRUE(why_not(4));
  EXPECT_EQ(why_not(4)->code(), wire::BMC_LOGIN_REFUSED);
  EXPECT_THAT(why_not(4)->seen(), HasSubstr("10.0.0.1, 10.0.0.2, 10.0.0.3"));
  EXPECT_EQ(why_not(4)->next(),
            "on the site's agent host: metalmesh-agent credential set c --username USER, or, if it is right, "
            "metalmesh-agent credential release c");
  agent::CredentialBreaker next_life(rows_);
  EXPECT_TRUE(next_life.held("c"));
}

TEST_F(Breaker, OneBmcCountsOnceAndIsLeftAloneInTheEnd) {
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(refuse(1));
  EXPECT_FALSE(why_not(1));
  EXPECT_FALSE(refuse(1));
  ASSERT_TRUE(why_not(1));
  EXPECT_THAT(why_not(1)->seen(), HasSubstr("10.0.0.1 refused credential c 3 times"));
  EXPECT_FALSE(why_not(2)) << "the others go on";
  EXPECT_EQ(room(), 2U);
}

TEST_F(Breaker, ALoginThatIsAcceptedTakesARefusalOffTheCount) {
  refuse(1);
  refuse(2);
  EXPECT_FALSE(accept(9));
  EXPECT_THAT(breaker_.refused_by("c"), ElementsAre("10.0.0.2"));
  EXPECT_FALSE(refuse(3));
  EXPECT_TRUE(refuse(4));
  EXPECT_TRUE(accept(3)) << "its own one goes, and the hold with it";
  EXPECT_THAT(breaker_.refused_by("c"), ElementsAre("10.0.0.2", "10.0.0.4"));
  EXPECT_FALSE(breaker_.held("c"));
}

TEST_F(Breaker, WhatAPlanMadeUsAskHoldsNothingAndIsBounded) {
  for (int n = 1; n <= 3; ++n) EXPECT_FALSE(refuse(n, true));
  EXPECT_FALSE(breaker_.held("c"));
  EXPECT_EQ(room(), limit);
  EXPECT_TRUE(why_not(4, true)) << "enough was asked for plans";
  EXPECT_FALSE(why_not(4));
  EXPECT_TRUE(why_not(1, true));
  EXPECT_FALSE(why_not(1)) << "a person may ask once more";
  refuse(1);
  refuse(2);
  EXPECT_TRUE(refuse(5)) << "what a person asked counts";
}

TEST_F(Breaker, EachNewVersionReleasesAndNothingElseIsRemembered) {
  set("v1");
  for (int n = 1; n <= 3; ++n) refuse(n);
  EXPECT_TRUE(set("v1").empty());
  EXPECT_THAT(set("v2"), ElementsAre("c"));
  EXPECT_FALSE(why_not(1));
  EXPECT_TRUE(rows_.rows().empty());
}

TEST_F(Breaker, ARefusalIsForgottenAfterAnHourUnlessItHolds) {
  refuse(1);
  refuse(2);
  pass(std::chrono::minutes(61));
  EXPECT_FALSE(refuse(3));
  EXPECT_THAT(breaker_.refused_by("c"), ElementsAre("10.0.0.3"));
  refuse(4);
  EXPECT_TRUE(refuse(5));
  pass(std::chrono::hours(100));
  EXPECT_TRUE(why_not(6));
}

TEST_F(Breaker, ALoginThatIsAcceptedAfterAllWasForgottenLeavesNoRow) {
  refuse(1);
  pass(std::chrono::minutes(61));
  EXPECT_FALSE(why_not(1));
  EXPECT_FALSE(accept(2));
  EXPECT_TRUE(rows_.rows().empty());
}

TEST_F(Breaker, LoginsThatAreAcceptedInARowMakeRoomForMoreUntilOneIsRefused) {
  EXPECT_EQ(room(), 3U);
  accept(1);
  accept(2);
  EXPECT_EQ(room(), 3U);  // two prove little
  accept(3);
  EXPECT_EQ(room(), 6U);
  EXPECT_EQ(room(0), 3U);  // accepted before, not in a row with these
  pass(std::chrono::milliseconds(600));
  accept(4);
  EXPECT_EQ(room(), 7U);
  pass(std::chrono::milliseconds(600));
  EXPECT_EQ(room(), 3U);  // a second without a login
  for (int i = 0; i < 5; ++i) accept(5);
  EXPECT_EQ(room(), 9U);
  refuse(6);
  EXPECT_EQ(room(), 2U);
  set("v2");
  EXPECT_EQ(room(), 3U);  // a new value has proved nothing, and has no refusals
}

}  // namespace
}  // namespace metalmesh::test
