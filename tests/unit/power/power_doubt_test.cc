// What the BMC says or shows proves less than it seems: nothing is asked for twice, pushed blindly or called done for it.
#include "tests/unit/power/power_world.h"

namespace metalmesh::power {
namespace {

using bmcsim::FaultRule;
using bmcsim::Op;
using bmcsim::RedfishReply;
using testing::HasSubstr;
using wire::Power;

constexpr std::string_view task_path = "/redfish/v1/TaskService/Tasks/77";

bool resets(const HttpRequest& request) {
  return request.method == "POST" && request.url.find("/Actions/") != std::string::npos;
}

/// Resets are 202, and their task reads like this.
void work_in_task(PowerWorld& world, std::string body) {
  world.bend = [body = std::move(body)](const HttpRequest& request, RedfishReply& reply) {
    if (resets(request) && reply.status < 300) {
      reply.status = 202;
      reply.headers = {{"Location", std::string(task_path)}};
      reply.body = R"({"@odata.id":")" + std::string(task_path) + R"(","TaskState":"Running"})";
    }
    if (request.url.ends_with(task_path)) reply = {.status = 200, .headers = {}, .body = body};
  };
}

TEST(PowerDoubt, ARestartWhoseTaskEndsBadlyIsNotOrderedAgain) {
  for (const Power::Change change : {Power::CYCLE, Power::BMC_RESET}) {
    for (const auto* end : {R"({"TaskState":"Exception"})", R"({"TaskState":"Interrupted"})",
                            R"({"TaskState":"Completed","TaskStatus":"Warning"})"}) {
      SCOPED_TRACE(Power::Change_Name(change) + end);
      PowerWorld world(change, true);
      work_in_task(world, end);
      ASSERT_TRUE(world.run());
      EXPECT_EQ(world.calls(), 1);
      // The host goes off and on too fast to be seen. What a BMC that restarts tells of the task counts for nothing.
      const auto known = change == Power::CYCLE ? wire::OUTCOME_UNKNOWN : wire::FAULT_CODE_UNSPECIFIED;
      EXPECT_EQ(world.ended().fault().code(), known) << world.ended().ShortDebugString();
    }
  }
}

TEST(PowerDoubt, ARestartThatTheBmcFailedAtMayHaveBeenDoneAllTheSame) {
  for (const int status : {500, 503}) {
    PowerWorld world(Power::CYCLE, true);
    world.fault(Op::reset, FaultRule::When::after, FaultRule::Action::status, status, 1);
    ASSERT_TRUE(world.run());
    EXPECT_EQ(world.calls(), 1) << status;
    EXPECT_EQ(world.ended().fault().code(), wire::OUTCOME_UNKNOWN) << world.ended().ShortDebugString();
  }
}

TEST(PowerDoubt, WhatCanBeRepeatedIsAskedForAgainWhenItsTaskEndsBadly) {
  PowerWorld world(Power::OFF, true);
  world.fault(Op::reset, FaultRule::When::before, FaultRule::Action::status, 204, 1);
  work_in_task(world, R"({"TaskState":"Exception"})");
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.calls(), 2);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
}

TEST(PowerDoubt, ARestartOfABmcThatIsATaskIsDone) {
  PowerWorld world(Power::BMC_RESET, true);
  work_in_task(world, R"({"TaskState":"Running"})");
  world.on_request = [&](const HttpRequest& request) {
    if (request.url.ends_with(task_path)) world.bmc.options().unreachable = true;
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.calls(), 1);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
}

TEST(PowerDoubt, AnArmedOrderThatWasNeverTakenExpires) {
  PowerWorld world(Power::OFF, true);
  world.fault(Op::reset, FaultRule::When::before, FaultRule::Action::status, 503, 1);
  world.on_time = [&, done = false]() mutable {
    if (world.calls() == 0 || world.job.intent() != record::Job::NONE || std::exchange(done, true)) return;
    world.away(2h);
  };
  ASSERT_TRUE(world.run());
  EXPECT_TRUE(world.job.armed());
  EXPECT_EQ(world.calls(), 1);
  EXPECT_EQ(world.ended().fault().code(), wire::ORDER_EXPIRED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.ended().disk(), wire::DISK_UNTOUCHED);
  EXPECT_TRUE(world.bmc.host().on());
}

TEST(PowerDoubt, AnArmedOrderThatWasNeverTakenCanBeCancelled) {
  PowerWorld world(Power::OFF, true);
  world.fault(Op::reset, FaultRule::When::before, FaultRule::Action::status, 503, 99);
  world.on_time = [&, done = false]() mutable {
    if (world.calls() == 0 || world.job.intent() != record::Job::NONE || std::exchange(done, true)) return;
    EXPECT_TRUE(world.job.armed());
    EXPECT_FALSE(power_kind.past_return(world.job));
    world.give(work::CancelAsked{});
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.calls(), 1);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::CANCELLED) << world.ended().ShortDebugString();
  EXPECT_TRUE(world.bmc.host().on());
}

TEST(PowerDoubt, WhatIsAskedForAgainIsNotCalledBack) {
  PowerWorld world(Power::OFF, true);
  world.fault(Op::reset, FaultRule::When::before, FaultRule::Action::status, 204, 1);
  world.on_request = [&](const HttpRequest& request) {
    if (world.calls() == 1 && !resets(request)) EXPECT_TRUE(power_kind.past_return(world.job));
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.calls(), 2);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
}

TEST(PowerDoubt, ACancelOfWhatIsSoAlreadyComesTooLate) {
  PowerWorld world(Power::OFF, false);
  world.on_request = [&](const HttpRequest& request) {
    if (request.method != "DELETE") return;
    EXPECT_TRUE(power_kind.past_return(world.job));
    world.give(work::CancelAsked{});
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED);
  EXPECT_FALSE(world.job.cancel_asked());
}

TEST(PowerDoubt, AButtonIsPushedOnlyOnAHostThatStandsStill) {
  for (const auto& [change, on] : {std::pair(Power::ON, true), std::pair(Power::GRACEFUL, false)}) {
    for (const std::optional<std::string>& state :
         {std::optional<std::string>(), std::optional<std::string>("PoweringOn"),
          std::optional<std::string>("PoweringOff"), std::optional<std::string>("Paused")}) {
      SCOPED_TRACE(Power::Change_Name(change) + " " + state.value_or("null"));
      PowerWorld world(change, on);
      world.bend = [&](const HttpRequest&, RedfishReply& reply) {
        PowerWorld::show_power(reply, state);
        PowerWorld::offer(reply, {"ForceOff", "PushPowerButton"});
      };
      ASSERT_TRUE(world.run());
      EXPECT_EQ(world.calls(), 0);
      EXPECT_EQ(world.ended().fault().code(), wire::NOT_OFFERED) << world.ended().ShortDebugString();
      EXPECT_LE(world.now.mono, MonoTime(1h) + 6min);
    }
  }
}

TEST(PowerDoubt, OneOffIsNoReasonToPush) {
  PowerWorld world(Power::ON, true);
  world.bend = [&, looks = 0](const HttpRequest&, RedfishReply& reply) mutable {
    PowerWorld::offer(reply, {"ForceOff", "PushPowerButton"});
    if (reply.body.find("PowerState") == std::string::npos) return;
    // Off once, when it counts; before it, nothing that can be counted.
    PowerWorld::show_power(reply, ++looks == 2 ? std::optional<std::string>("Off")
                                  : looks < 2  ? std::optional<std::string>()
                                               : std::optional<std::string>("On"));
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.calls(), 0);
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
}

TEST(PowerDoubt, AButtonThatWasPushedInAnEarlierLifeIsNotPushedAgain) {
  PowerWorld world(Power::ON, false);
  world.bend = [](const HttpRequest& request, RedfishReply& reply) {
    PowerWorld::offer(reply, {"On", "PushPowerButton"});
    if (resets(request) && request.body.find(R"("On")") != std::string::npos)
      reply = {.status = 400,
               .headers = {},
               .body = R"({"error":{"code":"Base.1.8.ActionParameterValueNotInList","message":"no"}})"};
  };
  world.fault(Op::reset, FaultRule::When::before, FaultRule::Action::status, 204, 99);
  world.crash_at_change = 2;  // the push
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.calls(), 2);
  EXPECT_THAT(world.changes.back(), HasSubstr("PushPowerButton"));
  EXPECT_EQ(world.ended().outcome(), wire::Ended::FAILED) << world.ended().ShortDebugString();
}

TEST(PowerDoubt, SilenceWithoutAnAcknowledgementIsNoRestart) {
  PowerWorld world(Power::BMC_RESET, true);
  world.on_request = [&](const HttpRequest& request) {
    if (resets(request)) world.bmc.options().unreachable = true;  // and never arrives
  };
  world.on_time = [&, since = MonoTime::max()]() mutable {
    if (!world.bmc.options().unreachable) return;
    since = std::min(since, world.now.mono);
    if (world.now.mono - since > 20s) world.bmc.options().unreachable = false;
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.calls(), 1);
  EXPECT_EQ(world.ended().fault().code(), wire::OUTCOME_UNKNOWN) << world.ended().ShortDebugString();
}

TEST(PowerDoubt, SingleFailuresAreNoSilence) {
  PowerWorld world(Power::BMC_RESET, true);
  world.fault(Op::manager_reset, FaultRule::When::before, FaultRule::Action::status, 204, 1);
  world.bend = [&, n = 0](const HttpRequest&, RedfishReply& reply) mutable {
    if (world.calls() == 1 && ++n % 2 == 0) reply = {.drop = true};
  };
  ASSERT_TRUE(world.run());
  EXPECT_THAT(world.evidence(), testing::Not(HasSubstr("the BMC was away")));
}

TEST(PowerDoubt, ABootThatWasUnderWayIsNoRestart) {
  PowerWorld world(Power::CYCLE, true);
  world.fault(Op::reset, FaultRule::When::before, FaultRule::Action::drop, 0, 1);
  MonoTime sent = MonoTime::max();
  world.bend = [&](const HttpRequest& request, RedfishReply& reply) {
    if (resets(request)) sent = std::min(sent, world.now.mono);
    if (sent == MonoTime::max() || world.now.mono - sent < 20s) PowerWorld::show_power(reply, "PoweringOn");
  };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.calls(), 1);
  EXPECT_EQ(world.ended().fault().code(), wire::OUTCOME_UNKNOWN) << world.ended().ShortDebugString();
}

}  // namespace
}  // namespace metalmesh::power
