// Time that jumps: what it may hold, and what it must not touch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/ports/wire_time.h"
#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

using namespace std::chrono_literals;

constexpr Duration years = 24h * 3650;

class Clock : public ::testing::Test {
 protected:
  void SetUp() override {
    site_.start();
    site_.advance(1min);
  }
  std::vector<wire::Event> doubts() const { return site_.told(&wire::Event::has_clock_doubted); }
  bool begun() const { return !site_.requests().empty(); }
  TestSite site_;
};

TEST_F(Clock, AJumpOfTheControllersTimeHoldsWhatIsNewAndIsToldOnce) {
  for (const Duration jump : {Duration(1h), Duration(-2h), years, -years}) {
    TestSite site;
    site.start();
    site.advance(1min);
    site.controller.clock_offset = jump;
    site.advance(20s);
    site.order(make_order(site, 1));
    site.advance(10s);
    const auto doubts = site.told(&wire::Event::has_clock_doubted);
    ASSERT_EQ(doubts.size(), 1U);
    EXPECT_FALSE(doubts[0].clock_doubted().over());
    EXPECT_LT(std::chrono::abs(from_wire(doubts[0].clock_doubted().by()) - jump), 1s);
    EXPECT_TRUE(site.requests().empty()) << "nothing new starts";
    ASSERT_TRUE(site.job("d1"));
    EXPECT_FALSE(site.job("d1")->ended()) << "nothing expires";
    const auto held = site.told(&wire::Event::has_held);
    ASSERT_EQ(held.size(), 1U);
    EXPECT_EQ(held[0].held().fault().code(), wire::CLOCK_UNPROVEN);
    site.controller.clock_offset = {};
    site.advance(20s);
    EXPECT_TRUE(site.told(&wire::Event::has_clock_doubted).back().clock_doubted().over());
    EXPECT_FALSE(site.requests().empty()) << "it goes on by itself";
  }
}

TEST_F(Clock, TimeThatStaysSetIsBelievedAfterAWhile) {
  site_.controller.clock_offset = 1h;
  site_.advance(20s);
  ASSERT_EQ(doubts().size(), 1U);
  site_.advance(2min);
  ASSERT_EQ(doubts().size(), 2U);
  EXPECT_TRUE(doubts()[1].clock_doubted().over());
}

TEST_F(Clock, AnArmedMediumIsNeitherClosedNorLaunchedByADoubtedTime) {
  site_.plant(armed_job(make_order(site_, 1), 1));
  site_.start();
  site_.advance(1min);
  site_.controller.clock_offset = years;
  site_.advance(20s);
  EXPECT_EQ(site_.mount("token1"), wire::OPEN);
  site_.ask_launch("token1");
  EXPECT_EQ(site_.verdict("token1"), std::nullopt) << "it waits";
  site_.controller.clock_offset = {};
  site_.advance(20s);
  EXPECT_EQ(site_.verdict("token1"), true);
}

TEST_F(Clock, AMachinesOwnClockDecidesNothingBeforeTheControllerSpoke) {
  site_.plant(armed_job(make_order(site_, 1), 1));
  site_.bus = false;
  site_.step_own_clock(years);
  site_.start();
  site_.advance(1min);
  EXPECT_EQ(site_.mount("token1"), wire::OPEN);
  EXPECT_EQ(site_.job("d1")->fault().code(), wire::FAULT_CODE_UNSPECIFIED) << "its watch goes on";
  EXPECT_FALSE(site_.job("d1")->ended());
}

TEST_F(Clock, ARestartDoesNotForgetTheTime) {
  site_.order(make_order(site_, 2));  // rows are written: so is the time
  site_.controller.clock_offset = 1h;
  site_.start();
  site_.advance(5s);
  EXPECT_EQ(doubts().size(), 1U);
}

TEST_F(Clock, ARestartDoesNotEndADoubt) {
  site_.controller.clock_offset = 1h;
  site_.advance(20s);
  ASSERT_EQ(doubts().size(), 1U);
  site_.controller.tells_time = false;  // by now it doubts its own clock
  site_.start();
  site_.order(make_order(site_, 1));
  site_.advance(1min);
  EXPECT_FALSE(begun());
  site_.controller.clock_offset = 0h;
  site_.controller.tells_time = true;
  site_.advance(1min);
  EXPECT_TRUE(begun());
}

TEST_F(Clock, AControllerThatWasSetBackGivesNobodyMoreTime) {
  site_.plant(armed_job(make_order(site_, 1), 1));
  site_.start();
  site_.advance(1min);
  const WallTime before = from_wire(site_.job("d1")->issue().launch_by());
  site_.controller.clock_offset = site_.controller.clock_steps = -2h;
  site_.advance(20s);
  EXPECT_TRUE(doubts().empty()) << "it says so itself";
  EXPECT_EQ(from_wire(site_.job("d1")->issue().launch_by()), before - 2h);
  auto late = make_order(site_, 2);
  *late.issue.mutable_clock_steps() = to_wire(Duration());  // made before it was set back
  site_.order(late);
  EXPECT_EQ(from_wire(site_.job("d2")->issue().start_by()), from_wire(late.issue.start_by()) - 2h);
}

TEST_F(Clock, NorDoesItToWhoKnewNoTimeWhenItWasSetBack) {
  for (const bool doubts_at_first : {false, true}) {
    TestSite site;
    site.plant(armed_job(make_order(site, 1), 1));
    site.start();
    site.advance(1min);
    const auto bounds = [&] {
      const wire::Issue issue = site.job("d1")->issue();
      return std::pair(from_wire(issue.start_by()), from_wire(issue.launch_by()));
    };
    const auto before = bounds();
    site.reboot();
    site.controller.tells_time = !doubts_at_first;
    site.controller.clock_offset = site.controller.clock_steps = -2h;
    site.start();
    site.advance(1min);
    site.controller.tells_time = true;
    site.advance(1min);
    EXPECT_EQ(bounds(), std::pair(before.first - 2h, before.second - 2h));
    site.reboot();
    site.start();
    site.advance(1min);
    EXPECT_EQ(bounds(), std::pair(before.first - 2h, before.second - 2h)) << "once is enough";
  }
}

TEST_F(Clock, AControllerThatDoubtsItsOwnClockTellsNoTimeAndStopsNothing) {
  site_.controller.tells_time = false;
  site_.advance(1min);
  site_.order(make_order(site_, 1));
  EXPECT_TRUE(begun());
  EXPECT_TRUE(doubts().empty());
}

TEST_F(Clock, ASiteWithoutWanGoesByItsOwnClockAsFarAsItRuns) {
  TestSite site;
  site.settings.wan_free = true;
  site.start();
  site.advance(1min);
  site.step_own_clock(1h);
  site.order(make_order(site, 1));
  EXPECT_TRUE(site.requests().empty());
  site.step_own_clock(-1h);
  site.advance(1min);
  EXPECT_FALSE(site.requests().empty());
}

TEST_F(Clock, ATimeThatIsBelievedAnewIsBelievedInTheNextLifeToo) {
  TestSite site;
  site.settings.wan_free = true;
  site.start();
  site.advance(1min);
  site.step_own_clock(1h);
  site.advance(9min + 30s);
  site.order(make_order(site, 1));  // rows are written, and the time that was believed until now
  while (site.told(&wire::Event::has_clock_doubted).size() < 2) site.advance(1s);
  site.start();
  site.advance(20s);
  EXPECT_EQ(site.told(&wire::Event::has_clock_doubted).size(), 2U);
}

}  // namespace
}  // namespace metalmesh::test
