// Each change of power: done, done already, not offered, refused, contradicted, cancelled.
#include "tests/unit/power/power_world.h"

namespace metalmesh::power {
namespace {

using bmcsim::FaultRule;
using bmcsim::Op;
using testing::HasSubstr;
using wire::Power;

struct Row {
  Power::Change change;
  bool on;                // the host, before
  std::string_view call;  // what the BMC is asked for, once
  bool on_after;
};

constexpr Row every[] = {
    {Power::ON, false, R"("ResetType":"On")", true},
    {Power::OFF, true, R"("ResetType":"ForceOff")", false},
    {Power::GRACEFUL, true, R"("ResetType":"GracefulShutdown")", false},
    {Power::CYCLE, true, R"("ResetType":"PowerCycle")", true},
    {Power::BMC_RESET, true, R"("ResetType":"GracefulRestart")", true},
    {Power::LIGHT_ON, true, R"("LocationIndicatorActive":true)", true},
    {Power::SETUP_ONCE, false, R"("BootSourceOverrideTarget":"BiosSetup")", false},
};

TEST(PowerMachine, DoesEachChangeOnceAndReadsItBack) {
  for (const Row& row : every) {
    SCOPED_TRACE(Power::Change_Name(row.change));
    PowerWorld world(row.change, row.on);
    ASSERT_TRUE(world.run());
    EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
    EXPECT_EQ(world.ended().disk(), wire::DISK_UNTOUCHED);
    EXPECT_EQ(world.ended().power(), row.on_after ? "On" : "Off");
    ASSERT_EQ(world.calls(), 1);
    EXPECT_THAT(world.changes.front(), HasSubstr(row.call));
    EXPECT_EQ(world.bmc.host().on(), row.on_after);
    EXPECT_EQ(world.bmc.own_sessions(), 0U);
    EXPECT_EQ(world.job.intent(), record::Job::NONE);
    EXPECT_EQ(std::ranges::count_if(world.told, &wire::Event::has_armed), 1);
  }
}

TEST(PowerMachine, TheLightGoesOutAgain) {
  PowerWorld world(Power::LIGHT_ON);
  ASSERT_TRUE(world.run());
  EXPECT_TRUE(world.bmc.system().light_on());
  PowerWorld off(Power::LIGHT_OFF);
  ASSERT_TRUE(off.run());
  EXPECT_THAT(off.evidence(), HasSubstr("the indicator light is off already"));
}

TEST(PowerMachine, WhatIsSoAlreadyIsNotAskedFor) {
  for (const auto& [change, on] : {std::pair(Power::ON, true), std::pair(Power::OFF, false),
                                   std::pair(Power::GRACEFUL, false), std::pair(Power::LIGHT_OFF, true)}) {
    SCOPED_TRACE(Power::Change_Name(change));
    PowerWorld world(change, on);
    ASSERT_TRUE(world.run());
    EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED);
    EXPECT_EQ(world.calls(), 0);
    EXPECT_THAT(world.evidence(), HasSubstr("already: nothing was changed"));
    EXPECT_FALSE(world.job.armed());
    EXPECT_EQ(world.bmc.own_sessions(), 0U);
  }
}

TEST(PowerMachine, OneReadingIsNoState) {
  PowerWorld world(Power::OFF, true);
  world.bmc.set_fault("power_state_off_once");
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.calls(), 1);
  EXPECT_FALSE(world.bmc.host().on());
}

TEST(PowerMachine, WhatIsNotOfferedFailsWithANextStep) {
  PowerWorld gentle(Power::GRACEFUL, true);
  gentle.bmc.set_fault("graceful_not_offered");
  ASSERT_TRUE(gentle.run());
  EXPECT_EQ(gentle.ended().outcome(), wire::Ended::FAILED);
  EXPECT_EQ(gentle.ended().fault().code(), wire::NOT_OFFERED);
  EXPECT_THAT(gentle.ended().fault().seen(), HasSubstr("On, ForceOff, ForceRestart"));
  EXPECT_THAT(gentle.ended().fault().next(), HasSubstr("metalmesh "));
  EXPECT_EQ(gentle.calls(), 0);
  EXPECT_TRUE(gentle.bmc.host().on()) << "nobody is forced off";

  PowerWorld cycle(Power::CYCLE, false);
  ASSERT_TRUE(cycle.run());
  EXPECT_EQ(cycle.ended().fault().code(), wire::NOT_OFFERED);
  EXPECT_EQ(cycle.calls(), 0);
}

TEST(PowerMachine, AnotherValueThatDoesItIsTaken) {
  PowerWorld world(Power::CYCLE, true);
  world.bmc.set_fault("graceful_not_offered");  // On, ForceOff and ForceRestart
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED);
  ASSERT_EQ(world.calls(), 1);
  EXPECT_THAT(world.changes.front(), HasSubstr("ForceRestart"));
}

TEST(PowerMachine, AnotherMachineIsNotTouched) {
  PowerWorld world(Power::OFF, true);
  world.bmc.options().serial = "ANOTHER1";
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::IDENTITY_MISMATCH);
  EXPECT_EQ(world.calls(), 0);
  EXPECT_EQ(world.bmc.own_sessions(), 0U);

  PowerWorld later(Power::OFF, true);  // it becomes another one just before ARM
  int systems = 0;
  later.on_request = [&](const HttpRequest& request) {
    if (request.method == "GET" && request.url.ends_with("/Systems/1") && ++systems == 2)
      later.bmc.options().serial = "ANOTHER1";
  };
  ASSERT_TRUE(later.run());
  EXPECT_EQ(later.ended().fault().code(), wire::IDENTITY_MISMATCH);
  EXPECT_EQ(later.calls(), 0);
}

TEST(PowerMachine, ABusyBmcIsAskedAgain) {
  PowerWorld world(Power::ON, false);
  world.fault(Op::reset, FaultRule::When::before, FaultRule::Action::status, 503, 3);
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_TRUE(world.bmc.host().on());
}

TEST(PowerMachine, ABmcThatSaysYesAndDoesNothingHasFailedInTime) {
  PowerWorld world(Power::OFF, true);
  world.fault(Op::reset, FaultRule::When::before, FaultRule::Action::status, 204, 99);
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::FAILED);
  EXPECT_EQ(world.ended().fault().code(), wire::POWER_FAILED);
  EXPECT_THAT(world.ended().fault().seen(), HasSubstr("the host is On"));
  EXPECT_LE(world.now.mono, MonoTime(1h) + 6min);
}

TEST(PowerMachine, AShutdownThatIsIgnoredIsNeverForced) {
  PowerWorld world(Power::GRACEFUL, true);
  world.fault(Op::reset, FaultRule::When::before, FaultRule::Action::status, 204, 99);
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::POWER_FAILED);
  EXPECT_TRUE(world.bmc.host().on());
  EXPECT_EQ(world.calls(), 1);
}

TEST(PowerMachine, CauseThatMayPassIsTriedAgainBeforeAnythingWasChanged) {
  PowerWorld world(Power::ON, false);
  world.bmc.options().unreachable = true;
  world.on_time = [&] {
    if (world.now.mono > MonoTime(1h) + 90s) world.bmc.options().unreachable = false;
  };
  ASSERT_TRUE(world.run());
  EXPECT_GE(world.retries, 1);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();

  PowerWorld dead(Power::ON, false);
  dead.bmc.options().unreachable = true;
  ASSERT_TRUE(dead.run());
  EXPECT_EQ(dead.ended().fault().code(), wire::BMC_UNREACHABLE);
  EXPECT_EQ(dead.retries, 2);
}

TEST(PowerMachine, ACancelBeforeArmEndsIt) {
  PowerWorld world(Power::OFF, true);
  world.gate.may_arm = false;
  world.gate.why_not.set_code(wire::CLOCK_UNPROVEN);
  world.on_time = [&, asked = false]() mutable {
    if (world.now.mono > MonoTime(1h) + 60s && !std::exchange(asked, true)) world.give(work::CancelAsked{});
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::CANCELLED);
  EXPECT_EQ(world.ended().fault().code(), wire::CANCELLED_BY_OPERATOR);
  EXPECT_EQ(world.calls(), 0);
  EXPECT_EQ(world.bmc.own_sessions(), 0U);
}

TEST(PowerMachine, AfterArmNobodyCallsItBack) {
  PowerWorld world(Power::OFF, true);
  world.on_request = [&](const HttpRequest& request) {
    if (request.method == "POST" && request.url.ends_with("ComputerSystem.Reset")) {
      EXPECT_TRUE(power_kind.past_return(world.job));
      world.give(work::CancelAsked{});
    }
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED);
  EXPECT_FALSE(world.bmc.host().on());
}

TEST(PowerMachine, AnOrderPastItsTimeChangesNothing) {
  PowerWorld world(Power::OFF, true);
  *world.job.mutable_issue()->mutable_start_by() = to_wire(world.now.wall_low - 1s);
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::ORDER_EXPIRED);
  EXPECT_EQ(world.calls(), 0);
}

}  // namespace
}  // namespace metalmesh::power
