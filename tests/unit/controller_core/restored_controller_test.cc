// A store that went back: nothing ends and nothing is handed out before the sites were heard, and a
// controller that was restored holds until a person has looked.
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

using ::testing::HasSubstr;

struct Restored : ::testing::Test {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");
  void SetUp() override {
    for (int i = 0; i < 3; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  }
  rest::Rollout one_by_one(const std::string& name, std::int64_t start_within = 3600) {
    auto rollout = Mesh::rollout_object(name);
    rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
    rollout.mutable_spec()->mutable_stop_after()->set_no_canary(true);
    rollout.mutable_spec()->mutable_start_within()->set_seconds(start_within);
    return rollout;
  }
  void restore(const MemoryRows::Rows& backup) {
    mesh.store.restore(backup);
    mesh.restart();
  }
  void let_it_learn() {
    wire::Event report;
    for (const auto& command : agent.commands) {
      if (command.has_report_state())
        report.mutable_state_report()->set_request_id(command.report_state().request_id());
    }
    ASSERT_TRUE(report.has_state_report());
    agent.report(report);
  }
};

TEST_F(Restored, NothingEndsBeforeTheSiteWasHeard) {
  mesh.start_rollout(one_by_one("r", 60));
  ASSERT_EQ(mesh.deployment_of("s1").state(), "PENDING");
  mesh.restart();
  agent.cut = true;
  mesh.run_for(std::chrono::seconds(120));
  EXPECT_EQ(mesh.deployment_of("s1").state(), "PENDING") << "startWithin passed, but who knows what it holds";
  mesh.must(StopRollout{"r", "too late"});
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_EQ(mesh.deployment_of("s1").state(), "PENDING");
  EXPECT_EQ(mesh.ask(CancelDeployment{"s1", "x"}).error().kind, ErrorKind::unavailable);
  mesh.must(ResolveDeployment{"s2", "cancelled", "the site is gone: a person may"});
  EXPECT_EQ(mesh.deployment_of("s2").state(), "CANCELLED");
  EXPECT_EQ(mesh.deployment_of("s2").fence(), "owed");
  agent.cut = false;
  mesh.run_for(std::chrono::seconds(8));
  EXPECT_EQ(mesh.deployment_of("s1").state(), "CANCELLED");
  mesh.run_for(std::chrono::seconds(30));
  EXPECT_NE(agent.last_cancel("s2"), nullptr);
}

/// What it tells comes before the echo that proves it to live.
TEST_F(Restored, WhoSaysThatItsHistoryIsContradictedCannotSayThatADiskIsUntouched) {
  mesh.start_rollout(one_by_one("r"));
  agent.accept("s0");
  agent.about_controllers.set_quarantined(true);
  agent.about_controllers.set_quarantine_reason("the data folder was rolled back");
  agent.restart("life-2");
  agent.hello();
  agent.end("s0", wire::Ended::FAILED, wire::DISK_UNTOUCHED, wire::POWERED_ON);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
  EXPECT_NE(mesh.deployment_of("s0").disk(), wire::DISK_UNTOUCHED);
}

TEST_F(Restored, WhatComesBeforeItsAgentSaidHowItStandsWaits) {
  mesh.start_rollout(one_by_one("r"));
  agent.accept("s0");
  mesh.restart();
  agent.end("s0", wire::Ended::FAILED, wire::DISK_UNTOUCHED, wire::POWERED_ON);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "RUNNING");
  agent.about_controllers.set_quarantined(true);
  agent.about_controllers.set_quarantine_reason("the data folder was rolled back");
  mesh.run_for(std::chrono::seconds(20));
  EXPECT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
}

TEST_F(Restored, NothingIsHandedOutBeforeTheSiteWasHeard) {
  mesh.start_rollout(one_by_one("r"));
  agent.accept("s0");
  agent.cut = true;
  wire::Event end = agent.about("s0");
  end.mutable_ended()->set_outcome(wire::Ended::SUCCEEDED);
  mesh.restart();
  mesh.run_for(std::chrono::seconds(3));
  agent.report(end);  // is on its way up while the line is cut
  agent.cut = false;
  agent.hello();
  EXPECT_EQ(agent.orders(), 1);
  mesh.run_for(std::chrono::seconds(20));
  EXPECT_EQ(mesh.deployment_of("s0").state(), "SUCCEEDED");
  EXPECT_EQ(agent.orders(), 2);
}

TEST_F(Restored, WhatItForgotItHasHandedOutIsNotCancelled) {
  auto rollout = one_by_one("r", 60);
  mesh.start_rollout(rollout);
  const auto backup = mesh.store.rows();
  agent.succeed("s0");
  agent.accept("s1");
  const std::string id = mesh.deployment_of("s1").id();
  mesh.pass(std::chrono::minutes(5));  // startWithin has passed when it comes back
  restore(backup);
  ASSERT_EQ(mesh.state().deployments.at(id).state(), "PENDING");
  mesh.run_for(std::chrono::seconds(2));
  agent.launch("s1");
  mesh.run_for(std::chrono::seconds(8));
  EXPECT_EQ(mesh.state().deployments.at(id).state(), "RUNNING");
  EXPECT_TRUE(mesh.state().deployments.at(id).launched());
  agent.end("s1", wire::Ended::SUCCEEDED);
  EXPECT_EQ(mesh.state().deployments.at(id).state(), "SUCCEEDED");
}

/// Its agent was put back as well: neither of the two can say that nothing was handed out.
TEST_F(Restored, WhatBothMayHaveForgottenIsNotUntouched) {
  mesh.start_rollout(one_by_one("r"));
  agent.accept("s0");
  const auto backup = mesh.store.rows();
  const auto folder = agent.store.rows();
  const std::string id = mesh.deployment_of("s1").id();
  agent.succeed("s0");
  agent.launch("s1");
  mesh.run_for(std::chrono::seconds(5));  // it hears how far the ledger is
  ASSERT_TRUE(mesh.state().deployments.at(id).launched());
  agent.store.restore(folder);
  agent.about_controllers.set_quarantined(true);
  agent.about_controllers.set_quarantine_reason("the data folder was rolled back");
  agent.restart("life-2");
  restore(backup);
  agent.hello();
  mesh.must(StopRollout{"r", "thought better of it"});
  mesh.run_for(std::chrono::seconds(20));
  ASSERT_TRUE(mesh.state().hold.has_value());
  EXPECT_EQ(mesh.state().deployments.at(id).state(), "INDETERMINATE");
  EXPECT_THAT(mesh.state().deployments.at(id).fault().seen(), HasSubstr("is in quarantine"));
}

/// A store that was not put back knows what it has not handed out, whatever its site has forgotten.
TEST_F(Restored, WhatWasNotHandedOutIsCalledBackAlsoFromAQuarantine) {
  mesh.start_rollout(one_by_one("r"));
  agent.accept("s0");
  agent.about_controllers.set_quarantined(true);
  agent.about_controllers.set_quarantine_reason("the data folder was rolled back");
  agent.restart("life-2");
  mesh.run_for(std::chrono::seconds(8));
  ASSERT_TRUE(mesh.state().sites.at("par1").status().quarantined());
  mesh.must(StopRollout{"r", "thought better of it"});
  mesh.run_for(std::chrono::seconds(8));
  EXPECT_EQ(mesh.deployment_of("s1").state(), "CANCELLED");
}

TEST_F(Restored, AForgottenAbortDoesNotWipe) {
  mesh.start_rollout(one_by_one("r"));
  agent.accept("s0");
  const auto backup = mesh.store.rows();
  mesh.must(StopRollout{"r", "wrong image"});
  wire::Event answer = agent.about("s0");
  answer.mutable_cancel()->set_answer(wire::CancelAnswer::CANCELLED);
  agent.report(answer);
  ASSERT_EQ(mesh.rollout("r").status().state(), "done");
  restore(backup);
  mesh.run_for(std::chrono::seconds(8));
  let_it_learn();
  mesh.run_for(std::chrono::minutes(5));
  EXPECT_EQ(agent.orders(), 1);
  EXPECT_EQ(mesh.rollout("r").status().state(), "held");
  EXPECT_THAT(mesh.rollout("r").status().stop_reason(), HasSubstr("restored"));
  ASSERT_TRUE(mesh.state().hold.has_value());
  bool listed = false;
  for (const auto& one : mesh.state().hold->differences())
    listed = listed || (one.server() == "s0" && one.was() == "RUNNING" && one.is() == "CANCELLED");
  EXPECT_TRUE(listed) << mesh.state().hold->ShortDebugString();

  mesh.restart();
  EXPECT_TRUE(mesh.state().hold.has_value()) << "until a person has looked";
  mesh.must(StopRollout{"r", "as before"});
  mesh.run_for(std::chrono::seconds(8));
  EXPECT_EQ(mesh.rollout("r").status().state(), "done");
  EXPECT_EQ(agent.orders(), 1);
}

TEST_F(Restored, AForgottenAbortThatCalledNothingBackIsMissedByTheSite) {
  mesh.start_rollout(one_by_one("r"));
  agent.accept("s0");
  agent.launch("s0");
  mesh.run_for(std::chrono::seconds(5));
  const auto backup = mesh.store.rows();
  mesh.must(StopRollout{"r", "wrong image"});
  ASSERT_EQ(mesh.deployment_of("s1").state(), "CANCELLED");
  mesh.pass(std::chrono::seconds(1));
  mesh.give(TimerFired{"controller/tick"});  // sites are told at once, not with the next Hello
  const std::string told = agent.ledger;
  restore(backup);
  mesh.run_for(std::chrono::seconds(8));
  ASSERT_TRUE(mesh.state().hold.has_value());
  EXPECT_EQ(mesh.rollout("r").status().state(), "held");
  bool listed = false;
  for (const auto& one : mesh.state().hold->differences())
    listed = listed || (one.site() == "par1" && one.is() == "event " + told);
  EXPECT_TRUE(listed) << mesh.state().hold->ShortDebugString();
  let_it_learn();
  agent.end("s0", wire::Ended::SUCCEEDED);
  mesh.run_for(std::chrono::minutes(5));
  EXPECT_EQ(agent.orders(), 1);

  // Told once: an old Hello that says it again holds nothing.
  mesh.must(StopRollout{"r", "as before"});
  mesh.must(ContinueController{"looked at it"});
  agent.ledger = told;
  agent.hello();
  EXPECT_FALSE(mesh.state().hold.has_value());
}

// Both ends forgot what was ordered last: that an order before it failed says nothing of that.
TEST_F(Restored, ADoubtOutlivesTheEndOfAnEarlierOrder) {
  mesh.start_rollout(one_by_one("r"));
  agent.accept("s0");
  mesh.run_for(std::chrono::seconds(5));
  const auto backup = mesh.store.rows();
  mesh.must(StopRollout{"r", "wrong image"});
  mesh.run_for(std::chrono::seconds(5));
  restore(backup);
  mesh.run_for(std::chrono::seconds(8));
  ASSERT_TRUE(mesh.state().hold.has_value());
  mesh.agents["par1"] = std::make_unique<Puppet>(mesh, "par1", "journal-2");
  mesh.run_for(std::chrono::seconds(130));
  ASSERT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
  ASSERT_EQ(mesh.server("s0").status().use(), "inUse");
  mesh.must(ResolveDeployment{"s0", "failed", "looked at it"});
  EXPECT_EQ(mesh.server("s0").status().use(), "inUse");
  mesh.must(ReleaseServer{"s0", "whatever it is, nobody needs it"});
  EXPECT_EQ(mesh.server("s0").status().use(), "released");
}

TEST_F(Restored, ASiteInQuarantineIsAWitnessAsWell) {
  mesh.start_rollout(one_by_one("r"));
  agent.succeed("s0");
  mesh.run_for(std::chrono::seconds(5));
  const std::string told = agent.ledger;
  const auto backup = mesh.store.rows();
  ASSERT_FALSE(mesh.state().lives.misses(told, mesh.state().last_event));
  restore(backup);
  wire::Hello hello;  // of an agent that nobody has proven to live, or to be the right one
  hello.set_incarnation("another life");
  hello.set_journal_id("another journal");
  hello.set_nonce("n");
  hello.set_ledger(told.substr(0, told.rfind('-')) + "-9999");
  agent.publish("hello", hello);
  EXPECT_TRUE(mesh.state().hold.has_value());
}

TEST_F(Restored, StartsNothingUntilAPersonGoesOn) {
  mesh.start_rollout(one_by_one("r"));
  const auto backup = mesh.store.rows();
  agent.accept("s0");
  restore(backup);
  mesh.run_for(std::chrono::seconds(8));
  let_it_learn();
  ASSERT_TRUE(mesh.state().hold.has_value()) << "an event was acknowledged that this store does not have";
  mesh.add_ready("s9", agent, 9);
  auto other = Mesh::rollout_object("other");
  other.mutable_spec()->mutable_select()->add_servers("s9");
  mesh.apply(other);
  mesh.must(PlanRollout{"other"});
  const rest::Plan plan = mesh.rollout("other").status().plan();
  const StartRollout start{"other", plan.digest(), 1};
  const auto refused = mesh.ask(start);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().next, HasSubstr("metalmesh controller continue --reason"));
  EXPECT_EQ(mesh.ask(ContinueController{""}).error().field, "reason");
  mesh.must(ContinueController{"looked at it"});
  EXPECT_FALSE(mesh.state().hold.has_value());
  EXPECT_EQ(mesh.rollout("r").status().state(), "running");
  EXPECT_EQ(mesh.rollout("r").status().stop_reason(), "");
  mesh.must(start);
  EXPECT_EQ(mesh.ask(ContinueController{"again"}).error().kind, ErrorKind::conflict);
  mesh.restart();
  EXPECT_FALSE(mesh.state().hold.has_value());
}

TEST_F(Restored, SaysHowFarASiteIsAhead) {
  const auto cursor = mesh.state().sites.at("par1").status().events_received();
  const auto backup = mesh.store.rows();
  mesh.start_rollout(one_by_one("r"));
  agent.succeed("s0");
  restore(backup);
  mesh.run_for(std::chrono::seconds(8));
  ASSERT_TRUE(mesh.state().hold.has_value());
  const auto& first = mesh.state().hold->differences(0);
  EXPECT_EQ(first.site(), "par1");
  EXPECT_THAT(first.was(), HasSubstr("event " + std::to_string(cursor)));
  EXPECT_THAT(first.is(), HasSubstr("event " + std::to_string(cursor + 3)));
}

TEST_F(Restored, WhatAnUnknowingJournalDoesNotRunIsNotUntouched) {
  const auto backup = mesh.store.rows();
  mesh.start_rollout(one_by_one("r"));
  const std::string id = mesh.deployment_of("s0").id();
  const std::uint64_t generation = mesh.deployment_of("s0").generation();
  restore(backup);
  mesh.run_for(std::chrono::seconds(8));
  wire::Event event;
  event.set_server("s0");
  event.set_deployment_id(id);
  event.set_generation(generation);
  event.mutable_receipt()->set_command_seq(7);
  event.mutable_receipt()->set_accepted(true);
  event.mutable_receipt()->set_of_cancel(true);
  agent.report(event);
  EXPECT_FALSE(mesh.state().deployments.contains(id)) << "a cancel's receipt says nothing of the order";
  event.mutable_cancel()->set_answer(wire::CancelAnswer::NOT_RUNNING);
  agent.report(event);
  ASSERT_TRUE(mesh.state().deployments.contains(id));
  EXPECT_EQ(mesh.state().deployments.at(id).state(), "INDETERMINATE");
  EXPECT_EQ(mesh.state().deployments.at(id).disk(), wire::DISK_UNKNOWN);
  EXPECT_EQ(mesh.server("s0").status().unresolved_size(), 1);
}

TEST_F(Restored, WhatBothEndsForgotIsInUse) {
  const auto backup = mesh.store.rows();
  mesh.start_rollout(one_by_one("r"));
  ASSERT_EQ(mesh.server("s1").status().use(), "new");
  restore(backup);
  Puppet& fresh = *(mesh.agents["par1"] = std::make_unique<Puppet>(mesh, "par1", std::string(32, 'b')));
  fresh.epoch = 9;  // the controller that this one was restored from had begun it
  mesh.run_for(std::chrono::seconds(130));
  ASSERT_TRUE(mesh.state().hold.has_value());
  for (const char* server : {"s0", "s1", "s2"}) {
    EXPECT_EQ(mesh.server(server).status().use(), "inUse") << server;
    EXPECT_TRUE(mesh.logged(std::string("metalmesh server release-for-install ") + server));
  }
}

TEST_F(Restored, OneSiteThatAnswersFirstDoesNotStandForTheOthers) {
  Puppet& other = mesh.bring_up("lyo1");
  mesh.add_ready("t0", other, 10);
  auto rollout = one_by_one("r");
  rollout.mutable_spec()->mutable_parallel()->set_total(1);
  mesh.start_rollout(rollout);
  const bool here_first = agent.orders() == 1;
  Puppet& first = here_first ? agent : other;
  Puppet& second = here_first ? other : agent;
  const char* server = here_first ? "s0" : "t0";
  first.accept(server);
  const auto backup = mesh.store.rows();
  mesh.must(StopRollout{"r", "wrong image"});
  wire::Event answer = first.about(server);
  answer.mutable_cancel()->set_answer(wire::CancelAnswer::CANCELLED);
  first.report(answer);
  ASSERT_EQ(mesh.rollout("r").status().state(), "done");
  first.cut = true;
  restore(backup);
  wire::Event end = first.about(server);
  mesh.run_for(std::chrono::seconds(30));
  EXPECT_EQ(second.orders(), 0) << "the site that knows of the abort was not heard yet";
  first.cut = false;
  mesh.run_for(std::chrono::seconds(10));
  EXPECT_TRUE(mesh.state().hold.has_value());
  EXPECT_EQ(second.orders(), 0);
}

TEST_F(Restored, ASiteThatIsAwayForGoodDoesNotStopTheOthers) {
  Puppet& other = mesh.bring_up("lyo1");
  mesh.start_rollout(one_by_one("r"));
  agent.accept("s0");
  other.cut = true;
  mesh.restart();
  agent.succeed("s0");
  mesh.run_for(std::chrono::seconds(60));
  EXPECT_EQ(agent.orders(), 1);
  mesh.run_for(std::chrono::seconds(90));
  EXPECT_EQ(agent.orders(), 2);
}

TEST_F(Restored, ANewerOrderOfTheSameServerWins) {
  // Backup: s0 waits in r. Afterwards r is aborted, and s0 handed out in another rollout.
  mesh.start_rollout(one_by_one("r"));
  const std::string waiting = mesh.deployment_of("s1").id();
  const auto backup = mesh.store.rows();
  mesh.must(StopRollout{"r", "wrong image"});
  auto better = Mesh::rollout_object("better");
  better.mutable_spec()->mutable_select()->add_servers("s1");
  mesh.start_rollout(better);
  agent.accept("s1");
  agent.launch("s1");
  const std::string runs = mesh.deployment_of("s1").id();
  restore(backup);
  ASSERT_EQ(mesh.deployment_of("s1").id(), waiting);
  mesh.run_for(std::chrono::seconds(8));
  EXPECT_EQ(mesh.deployment_of("s1").id(), runs);
  EXPECT_EQ(mesh.deployment_of("s1").state(), "RUNNING");
  EXPECT_EQ(mesh.state().deployments.at(waiting).state(), "CANCELLED");
  // What was learned has no rollout, and can be cancelled or resolved all the same.
  mesh.must(ResolveDeployment{"s1", "failed", "cannot wait"});
  EXPECT_EQ(mesh.state().deployments.at(runs).fence(), "owed");
  let_it_learn();
  mesh.run_for(std::chrono::seconds(8));
  ASSERT_NE(agent.last_cancel("s1"), nullptr);
  EXPECT_EQ(agent.last_cancel("s1")->deployment_id(), runs);
}

TEST_F(Restored, AnOrdinaryRestartHoldsNothing) {
  mesh.start_rollout(one_by_one("r"));
  agent.accept("s0");
  mesh.restart();
  mesh.run_for(std::chrono::seconds(8));
  EXPECT_FALSE(mesh.state().hold.has_value());
  EXPECT_EQ(mesh.rollout("r").status().state(), "running");
  agent.end("s0", wire::Ended::SUCCEEDED);
  EXPECT_EQ(agent.orders(), 2);
}

}  // namespace
}  // namespace metalmesh::testing
