// Lost journals, restored controllers, rolled back agents, twins, strangers and forgers.
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

struct Histories : ::testing::Test {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");
  void SetUp() override {
    for (int i = 0; i < 3; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  }
  void start(const std::string& rollout, const std::string& server) {
    auto object = Mesh::rollout_object(rollout);
    object.mutable_spec()->mutable_select()->add_servers(server);
    mesh.start_rollout(object);
  }
};

TEST_F(Histories, ALostJournalMakesOpenDeploymentsIndeterminate) {
  start("r0", "s0");
  start("r1", "s1");
  agent.succeed("s0");
  agent.accept("s1");
  const std::string lost = mesh.deployment_of("s1").id();
  const auto commands = agent.down->journal_id();
  auto& fresh = *(mesh.agents["par1"] = std::make_unique<Puppet>(mesh, "par1", "journal-2"));
  fresh.bmcs["s1"] = bmc_report(1);
  mesh.run_for(std::chrono::seconds(130));
  EXPECT_EQ(mesh.deployment_of("s0").state(), "SUCCEEDED");
  EXPECT_EQ(mesh.deployment_of("s1").state(), "INDETERMINATE");
  EXPECT_FALSE(mesh.deployment_of("s1").evidence().empty());
  EXPECT_EQ(mesh.server("s1").status().phase(), "failed");
  EXPECT_TRUE(mesh.logged("lost its journal journal-par1"));
  EXPECT_EQ(mesh.state().sites.at("par1").status().journal_id(), "journal-2");
  EXPECT_NE(fresh.down->journal_id(), commands);
  EXPECT_EQ(fresh.orders(), 0) << "commands of the old journal are void";
  EXPECT_TRUE(fresh.presence->proven());

  auto again = Mesh::rollout_object("again");
  again.mutable_spec()->set_reinstall(true);
  again.mutable_spec()->mutable_select()->add_servers("s1");
  mesh.apply(again);
  mesh.must(PlanRollout{"again"});
  EXPECT_EQ(mesh.rollout("again").status().plan().excluded(0).reason(), "UNRESOLVED");
  mesh.must(ResolveDeployment{lost, "failed", "looked at the console"});
  mesh.must(PlanRollout{"again"});
  EXPECT_EQ(mesh.rollout("again").status().plan().excluded(0).reason(), "NOT_FENCED");
  ASSERT_NE(fresh.last_cancel("s1"), nullptr);
  wire::Event fenced;
  fenced.set_server("s1");
  fenced.set_deployment_id(lost);
  fenced.set_generation(fresh.last_cancel("s1")->generation());
  fenced.mutable_cancel()->set_answer(wire::CancelAnswer::NOT_RUNNING);
  fresh.report(fenced);
  mesh.start_rollout(again);
  ASSERT_TRUE(fresh.last_order("s1").has_value());
  const auto since_1970 =
      std::chrono::duration_cast<std::chrono::seconds>(mesh.now.wall_low.time_since_epoch());
  EXPECT_GT(fresh.last_order("s1")->issue.generation(), static_cast<std::uint64_t>(since_1970.count()) - 300)
      << "above all that either end may have forgotten";
}

TEST_F(Histories, AJournalThatWasGivenUpIsNotFollowedAgain) {
  start("r0", "s0");
  agent.succeed("s0");
  mesh.agents["par1"] = std::make_unique<Puppet>(mesh, "par1", "journal-2");
  mesh.run_for(std::chrono::seconds(130));
  EXPECT_EQ(mesh.state().sites.at("par1").status().journal_id(), "journal-2");
  // The old machine is switched on again, with the folder that was replaced; the new one is off for long.
  mesh.agents["par1"] = std::make_unique<Puppet>(mesh, "par1", "journal-par1");
  mesh.run_for(std::chrono::seconds(130));
  const auto& status = mesh.state().sites.at("par1").status();
  EXPECT_EQ(status.journal_id(), "journal-2");
  EXPECT_TRUE(status.quarantined());
  EXPECT_THAT(status.quarantine_reason(), ::testing::HasSubstr("journal-par1"));
}

TEST_F(Histories, WhatIsLeftBehindIsToldEvenAfterAPersonDecided) {
  start("r0", "s0");
  agent.accept("s0");
  const std::string id = mesh.deployment_of("s0").id();
  mesh.must(ResolveDeployment{id, "failed", "cannot wait"});
  wire::Event event = agent.about("s0");
  event.mutable_ended()->set_outcome(wire::Ended::FAILED);
  event.mutable_ended()->add_debts("media may still be inserted in slot Cd");
  agent.report(event);
  mesh.run_for(std::chrono::seconds(2));
  const auto& deployment = mesh.state().deployments.at(id);
  EXPECT_EQ(deployment.state(), "FAILED");
  EXPECT_EQ(deployment.resolved_note(), "cannot wait");
  ASSERT_EQ(deployment.debts_size(), 1);
}

TEST_F(Histories, AReplayedHelloOfAnOldLifeChangesNothing) {
  wire::Hello old;
  old.set_incarnation("some old life");
  old.set_journal_id("some old journal");
  old.set_nonce("n");
  old.set_next_seq(1);
  start("r0", "s0");
  for (int i = 0; i < 3; ++i) agent.publish("hello", old);
  EXPECT_EQ(mesh.state().sites.at("par1").status().journal_id(), "journal-par1");
  EXPECT_EQ(mesh.deployment_of("s0").state(), "ISSUED");
}

TEST_F(Histories, ARestoredControllerLearnsBeforeItIssues) {
  start("r0", "s0");
  agent.succeed("s0");
  const auto backup = mesh.store.rows();
  const auto epoch = mesh.state().epoch;
  // After the backup: s1 is handed out and ends, s2 is handed out and runs.
  start("r1", "s1");
  agent.succeed("s1");
  start("r2", "s2");
  agent.accept("s2");
  const auto order_s2 = *agent.last_order("s2");

  mesh.store.restore(backup);
  agent.up->rewind();
  mesh.restart();
  EXPECT_EQ(mesh.server("s1").status().phase(), "ready") << "the backup does not know";
  const auto known = agent.commands.size();
  mesh.run_for(std::chrono::seconds(8));
  EXPECT_GT(mesh.state().epoch, epoch);
  EXPECT_TRUE(mesh.logged("was restored"));
  ASSERT_GT(agent.commands.size(), known);
  ASSERT_TRUE(agent.commands[known].has_report_state());
  EXPECT_EQ(agent.commands[known].controller_epoch(), mesh.state().epoch);

  // Nothing is issued before the report, whatever the plan says.
  mesh.apply(Mesh::server_object("s9", "par1", 9));
  const int orders = agent.orders();
  wire::Event report;
  report.mutable_state_report()->set_request_id(agent.commands[known].report_state().request_id());
  auto& fence = *report.mutable_state_report()->add_fences();
  fence.set_machine(bmc_report(1).identity().uuid() + "/" + bmc_report(1).identity().serial());
  fence.set_generation(41);

  // The replayed events taught about s1 and s2.
  EXPECT_EQ(mesh.server("s1").status().phase(), "installed");
  EXPECT_TRUE(mesh.server("s1").status().protected_());
  EXPECT_EQ(mesh.deployment_of("s2").id(), order_s2.issue.deployment_id());
  EXPECT_EQ(mesh.deployment_of("s2").state(), "RUNNING");

  auto again = Mesh::rollout_object("again");
  again.mutable_spec()->set_reinstall(true);
  again.mutable_spec()->mutable_select()->add_servers("s1");
  mesh.must(ProtectServer{"s1", false, "test", 0});
  mesh.must(ContinueController{"looked at what differs"});
  mesh.start_rollout(again);
  mesh.run_for(std::chrono::seconds(3));
  EXPECT_EQ(agent.orders(), orders);
  EXPECT_EQ(mesh.deployment_of("s1").state(), "PENDING");
  wire::Event piece;
  piece.mutable_state_report()->set_request_id(report.state_report().request_id());
  piece.mutable_state_report()->set_more(true);
  agent.report(piece);
  EXPECT_EQ(agent.orders(), orders) << "a piece is not the report";
  agent.report(report);
  EXPECT_EQ(agent.orders(), orders + 1);
  EXPECT_EQ(agent.last_order("s1")->issue.generation(), 42U) << "above every fence of the machine";
  agent.end("s2", wire::Ended::SUCCEEDED);
  EXPECT_EQ(mesh.server("s2").status().phase(), "installed");
}

TEST_F(Histories, AnOrderThatTheSiteHasAFenceForGoesOn) {
  agent.cut = true;
  start("r0", "s0");
  const auto backup = mesh.store.rows();
  agent.cut = false;
  mesh.run_for(std::chrono::seconds(8));
  ASSERT_TRUE(agent.last_order("s0").has_value());
  agent.accept("s0");
  // Restored to a moment at which other commands had the same numbers.
  start("r1", "s1");
  mesh.store.restore(backup);
  agent.up->rewind();
  mesh.restart();
  mesh.run_for(std::chrono::seconds(8));
  const wire::Command* asked = nullptr;
  for (const auto& command : agent.commands) {
    if (command.has_report_state()) asked = &command;
  }
  ASSERT_NE(asked, nullptr);
  wire::Event report;
  report.mutable_state_report()->set_request_id(asked->report_state().request_id());
  auto& fence = *report.mutable_state_report()->add_fences();
  fence.set_machine(bmc_report(0).identity().uuid() + "/" + bmc_report(0).identity().serial());
  fence.set_generation(1);
  const int orders = agent.orders();
  agent.report(report);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "RUNNING") << "seen: it goes on";
  EXPECT_EQ(agent.orders(), orders);
}

TEST_F(Histories, AnOrderWithoutAFenceAtTheSiteGoesOutWithANewGeneration) {
  agent.cut = true;
  start("r0", "s0");
  const std::string id = mesh.deployment_of("s0").id();
  agent.epoch = 7;  // it has heard a later controller than this one
  agent.cut = false;
  mesh.run_for(std::chrono::seconds(8));
  EXPECT_EQ(mesh.state().epoch, 8U);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "ISSUED");
  ASSERT_FALSE(agent.last_order("s0").has_value()) << "it went down with the old command journal";
  wire::Event report;
  for (const auto& command : agent.commands) {
    if (command.has_report_state()) {
      report.mutable_state_report()->set_request_id(command.report_state().request_id());
    }
  }
  agent.report(report);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "PENDING") << "held";
  mesh.must(ContinueController{"looked at what differs"});
  ASSERT_TRUE(agent.last_order("s0").has_value());
  EXPECT_EQ(agent.last_order("s0")->issue.deployment_id(), id);
  EXPECT_EQ(agent.last_order("s0")->issue.generation(), 2U);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "ISSUED");
}

TEST_F(Histories, AnAgentWhoseStoreWentBackIsQuarantined) {
  const auto old = agent.store.rows();
  start("r0", "s0");
  agent.accept("s0");
  mesh.run_for(std::chrono::seconds(4));
  agent.store.restore(old);
  agent.restart("life-2");
  mesh.run_for(std::chrono::seconds(8));
  const auto& status = mesh.state().sites.at("par1").status();
  EXPECT_TRUE(status.quarantined());
  EXPECT_FALSE(agent.presence->proven());
  mesh.apply(Mesh::rollout_object("r1"));
  mesh.must(PlanRollout{"r1"});
  EXPECT_EQ(mesh.rollout("r1").status().plan().servers_size(), 0);
  EXPECT_EQ(mesh.rollout("r1").status().plan().excluded(0).reason(), "SITE_UNKNOWN");
}

TEST_F(Histories, DivergedEventsQuarantineAndSurviveARestart) {
  wire::Data forged = agent.sent.back();
  forged.set_entries(0, "another truth");
  agent.publish("data", forged);
  EXPECT_TRUE(mesh.state().sites.at("par1").status().quarantined());
  mesh.restart();
  EXPECT_TRUE(mesh.state().sites.at("par1").status().quarantined());
  EXPECT_EQ(mesh.ask(ClearSiteQuarantine{"par1", ""}).error().field, "note");
  mesh.must(ClearSiteQuarantine{"par1", "a test forged it"});
  EXPECT_FALSE(mesh.state().sites.at("par1").status().quarantined());
  mesh.run_for(std::chrono::seconds(6));
  start("r0", "s0");
  EXPECT_EQ(agent.orders(), 1);
  EXPECT_FALSE(mesh.ask(ClearSiteQuarantine{"par1", "again"}).has_value());
}

TEST_F(Histories, OfTwoThatMayHaveObeyedNeitherCanSayThatADiskIsUntouched) {
  start("r0", "s0");
  start("r1", "s1");
  agent.accept("s0");
  agent.accept("s1");
  wire::Data other = agent.sent.back();
  other.set_entries(0, "something else");
  agent.publish("data", other);
  ASSERT_TRUE(mesh.state().sites.at("par1").status().quarantined());
  agent.end("s0", wire::Ended::FAILED, wire::DISK_UNTOUCHED, wire::BMC_KEY_CHANGED);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
  EXPECT_EQ(mesh.deployment_of("s0").disk(), wire::DISK_UNKNOWN);
  mesh.must(ClearSiteQuarantine{"par1", "looked at it"});
  agent.end("s1", wire::Ended::FAILED, wire::DISK_UNTOUCHED, wire::BMC_KEY_CHANGED);
  EXPECT_EQ(mesh.deployment_of("s1").state(), "INDETERMINATE") << "it was ordered when there were two";
  mesh.run_for(std::chrono::seconds(10));
  start("r2", "s2");
  agent.accept("s2");
  agent.end("s2", wire::Ended::FAILED, wire::DISK_UNTOUCHED, wire::BMC_KEY_CHANGED);
  EXPECT_EQ(mesh.deployment_of("s2").state(), "FAILED");
}

TEST_F(Histories, WhatACopyToldIsDoubtedWhenTheOtherOneIsHeardAgain) {
  start("r0", "s0");
  start("r1", "s1");
  agent.accept("s0");
  agent.accept("s1");
  agent.end("s0", wire::Ended::FAILED, wire::DISK_UNTOUCHED, wire::BMC_KEY_CHANGED);
  mesh.run_for(std::chrono::seconds(10));
  // It is cut off here, may launch what it was handed, and a copy of its folder is heard in its place.
  auto original = std::move(agent.presence);
  agent.restart("a copy");
  mesh.run_for(std::chrono::seconds(30));
  agent.end("s1", wire::Ended::FAILED, wire::DISK_UNTOUCHED, wire::BMC_KEY_CHANGED);
  ASSERT_EQ(mesh.deployment_of("s1").state(), "FAILED");
  mesh.run_for(std::chrono::seconds(10));
  mesh.restart();
  start("r2", "s2");
  std::swap(agent.presence, original);
  mesh.run_for(std::chrono::seconds(10));
  ASSERT_TRUE(mesh.state().sites.at("par1").status().quarantined());
  const auto& doubted = mesh.deployment_of("s1");
  EXPECT_EQ(doubted.state(), "INDETERMINATE");
  EXPECT_EQ(doubted.disk(), wire::DISK_UNKNOWN);
  EXPECT_TRUE(doubted.keeps_place()) << "the other one's installer may run";
  EXPECT_EQ(mesh.server("s1").status().phase(), "failed");
  EXPECT_EQ(mesh.deployment_of("s0").state(), "FAILED") << "told when there was one";
}

TEST_F(Histories, OfTwoThatMayHaveObeyedNeitherSpeaksForAPersonsWord) {
  start("r0", "s0");
  start("r1", "s1");
  start("r2", "s2");
  for (const char* server : {"s0", "s1", "s2"}) {
    agent.accept(server);
    mesh.must(
        ResolveDeployment{server, server == std::string("s2") ? "succeeded" : "cancelled", "cannot wait"});
  }
  wire::Data other = agent.sent.back();
  other.set_entries(0, "something else");
  agent.publish("data", other);
  ASSERT_TRUE(mesh.state().sites.at("par1").status().quarantined());
  agent.end("s0", wire::Ended::FAILED, wire::DISK_UNTOUCHED, wire::BMC_KEY_CHANGED);
  agent.answer_cancel("s1", wire::CancelAnswer::NOT_RUNNING);
  for (const char* server : {"s0", "s1"}) {
    const auto& deployment = mesh.deployment_of(server);
    EXPECT_EQ(deployment.state(), "INDETERMINATE") << server;
    EXPECT_EQ(deployment.disk(), wire::DISK_UNKNOWN);
    EXPECT_EQ(deployment.fence(), "confirmed") << "of the one that answers nothing starts";
    ASSERT_EQ(deployment.contradicted_size(), 1);
    EXPECT_EQ(deployment.contradicted(0).as(), "CANCELLED");
  }
  agent.answer_cancel("s2", wire::CancelAnswer::NOT_RUNNING);
  EXPECT_EQ(mesh.deployment_of("s2").state(), "SUCCEEDED") << "she may have seen that";
  mesh.must(ResolveDeployment{"s0", "failed", "looked at it"});
  EXPECT_EQ(mesh.deployment_of("s0").state(), "FAILED");
}

TEST_F(Histories, StrangersAndForgersAreCountedNotHeard) {
  const auto rows = mesh.store.rows();
  wire::Hello hello;
  hello.set_incarnation("x");
  mesh.give(MessageArrived{"mm/1/ghost/up", delivery::seal(NameSigner("ghost"), "hello", hello)});
  mesh.give(MessageArrived{"mm/1/par1/up", delivery::seal(NameSigner("ghost"), "hello", hello)});
  mesh.give(MessageArrived{"mm/1/par1/up", "garbage"});
  mesh.give(MessageArrived{"elsewhere", "garbage"});
  EXPECT_EQ(mesh.core->metrics().frames_from_unknown, 1U);
  EXPECT_EQ(mesh.core->metrics().frames_rejected, 2U);
  EXPECT_EQ(mesh.store.rows(), rows);
}

TEST_F(Histories, RowsThatCannotBeReadStopTheNode) {
  auto rows = mesh.store.rows();
  rows["o/site/par1"] = "\x07nonsense";
  mesh.store.restore(rows);
  ControllerCore core(mesh.store, mesh.signer, mesh.verifier, mesh.entropy);
  const Outcome out = core.handle(Started{}, mesh.now);
  ASSERT_EQ(out.effects.size(), 1U);
  EXPECT_NE(std::get<Halt>(out.effects.front()).reason.find("o/site/par1"), std::string::npos);
}

}  // namespace
}  // namespace metalmesh::testing
