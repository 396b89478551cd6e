// The agent dies around its call, or the answer is lost: what undoes or repeats itself is asked for once.
#include "tests/unit/power/power_world.h"

namespace metalmesh::power {
namespace {

using bmcsim::FaultRule;
using bmcsim::Op;
using testing::HasSubstr;
using wire::Power;

TEST(PowerCrash, WhatCanBeRepeatedReachesItsStateEitherWay) {
  for (const auto& [change, on] : {std::pair(Power::ON, false), std::pair(Power::OFF, true),
                                   std::pair(Power::LIGHT_ON, true), std::pair(Power::SETUP_ONCE, false)}) {
    for (const bool executed : {false, true}) {
      SCOPED_TRACE(Power::Change_Name(change) + (executed ? " done" : " not done"));
      PowerWorld world(change, on);
      world.crash_at_change = 1;
      world.executed = executed;
      ASSERT_TRUE(world.run());
      EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
      EXPECT_EQ(world.calls(), executed ? 1 : 2);
      EXPECT_EQ(world.bmc.own_sessions(), 0U);
    }
  }
}

TEST(PowerCrash, ARestartIsNeverOrderedTwice) {
  for (const Power::Change change : {Power::CYCLE, Power::BMC_RESET}) {
    SCOPED_TRACE(Power::Change_Name(change));
    PowerWorld world(change, true);
    world.crash_at_change = 1;
    world.executed = false;
    ASSERT_TRUE(world.run());
    EXPECT_EQ(world.calls(), 1);
    EXPECT_EQ(world.ended().outcome(), wire::Ended::FAILED);
    EXPECT_EQ(world.ended().fault().code(), wire::OUTCOME_UNKNOWN);
    EXPECT_THAT(world.ended().fault().seen(), HasSubstr("is not known"));
    EXPECT_EQ(world.ended().disk(), wire::DISK_UNTOUCHED);
  }
}

TEST(PowerCrash, WhereverTheAgentDiesItComesToATrueEnd) {
  for (const auto& [change, on] : {std::pair(Power::ON, false), std::pair(Power::GRACEFUL, true),
                                   std::pair(Power::CYCLE, true), std::pair(Power::BMC_RESET, true),
                                   std::pair(Power::LIGHT_ON, true), std::pair(Power::SETUP_ONCE, true)}) {
    for (int at = 1; at <= 25; ++at) {
      for (const bool executed : {false, true}) {
        SCOPED_TRACE(Power::Change_Name(change) + " dies at request " + std::to_string(at) +
                     (executed ? ", done" : ", not done"));
        PowerWorld world(change, on);
        world.crash_at_request = at;
        world.executed = executed;
        ASSERT_TRUE(world.run());
        const bool once = change == Power::CYCLE || change == Power::BMC_RESET;
        if (once) EXPECT_LE(world.calls(), 1);
        const bool unknown = world.ended().fault().code() == wire::OUTCOME_UNKNOWN;
        EXPECT_TRUE(world.ended().outcome() == wire::Ended::SUCCEEDED || (once && unknown))
            << world.ended().ShortDebugString();
        if (world.requests < at) break;
      }
    }
  }
}

TEST(PowerCrash, AButtonIsPushedOnce) {
  PowerWorld world(Power::ON, false);
  world.bmc.set_fault("push_button_lag");  // its answer is lost, and On shows late
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.calls(), 1);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_TRUE(world.bmc.host().on());
}

TEST(PowerCrash, ALostAnswerToARestartIsNotAskedForAgain) {
  PowerWorld world(Power::CYCLE, true);
  world.fault(Op::reset, FaultRule::When::after, FaultRule::Action::drop);
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.calls(), 1);
  EXPECT_EQ(world.ended().fault().code(), wire::OUTCOME_UNKNOWN);
}

TEST(PowerCrash, AHostThatWasSeenOffAndOnHasRestarted) {
  PowerWorld world(Power::CYCLE, true);
  world.fault(Op::reset, FaultRule::When::after, FaultRule::Action::drop);
  const auto cut = [&, done = false](const HttpRequest&) mutable {
    if (world.calls() == 1 && !std::exchange(done, true)) world.bmc.host().power_cut(world.now.mono, 8s);
  };
  world.on_request = cut;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.calls(), 1);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_THAT(world.evidence(), HasSubstr("seen off"));
}

TEST(PowerCrash, ABmcThatSaidThatItRestartsAndWasAwayHasRestarted) {
  PowerWorld world(Power::BMC_RESET, true);
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.calls(), 1);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_THAT(world.evidence(), HasSubstr("the BMC was away"));
}

TEST(PowerCrash, AnotherMachineBehindARestartedBmcIsNoSuccess) {
  PowerWorld world(Power::BMC_RESET, true);
  world.on_time = [&] {
    if (world.calls() == 1) world.bmc.options().serial = "ANOTHER1";
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::FAILED);
  EXPECT_EQ(world.ended().fault().code(), wire::IDENTITY_MISMATCH) << world.ended().ShortDebugString();
}

TEST(PowerCrash, AFrozenAgentIsNobodysSilence) {
  PowerWorld world(Power::OFF, true);
  world.fault(Op::reset, FaultRule::When::before, FaultRule::Action::status, 204, 1);
  world.on_time = [&, done = false]() mutable {
    if (world.calls() == 1 && !std::exchange(done, true)) {
      world.now.mono += 1h;
      world.now.wall_low += 1h;
      world.now.wall_high += 1h;
    }
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
}

}  // namespace
}  // namespace metalmesh::power
