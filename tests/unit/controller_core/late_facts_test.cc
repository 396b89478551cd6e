// Facts about a disk that come after an end outrank it, whoever said it.
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

struct LateFacts : ::testing::Test {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");
  std::string id;
  void SetUp() override {
    mesh.add_ready("s0", agent, 0);
    mesh.add_ready("s1", agent, 1);
    auto rollout = Mesh::rollout_object("r");
    rollout.mutable_spec()->mutable_select()->add_servers("s0");
    mesh.start_rollout(rollout);
    agent.accept("s0");
    id = mesh.deployment_of("s0").id();
  }
  [[nodiscard]] const rest::Deployment& deployment() const { return mesh.state().deployments.at(id); }
  void resolve(const char* as) { mesh.must(ResolveDeployment{id, as, "cannot wait"}); }
};

TEST_F(LateFacts, ALaunchAfterAPersonsCancelledOpensItAgain) {
  resolve("cancelled");
  ASSERT_EQ(deployment().state(), "CANCELLED");
  ASSERT_EQ(mesh.rollout("r").status().state(), "done");
  agent.launch("s0");
  EXPECT_EQ(deployment().state(), "RUNNING");
  EXPECT_TRUE(deployment().launched());
  EXPECT_EQ(deployment().disk(), wire::DISK_BEING_WRITTEN);
  EXPECT_FALSE(deployment().has_ended());
  EXPECT_EQ(deployment().resolved_by(), "");
  ASSERT_EQ(deployment().contradicted_size(), 1);
  EXPECT_EQ(deployment().contradicted(0).by(), "ann");
  EXPECT_EQ(deployment().contradicted(0).as(), "CANCELLED");
  EXPECT_EQ(deployment().contradicted(0).note(), "cannot wait");
  EXPECT_THAT(deployment().contradicted(0).contradicted_by(), ::testing::HasSubstr("launched"));
  EXPECT_EQ(mesh.server("s0").status().phase(), "installing");
  EXPECT_TRUE(mesh.server("s0").status().protected_());
  EXPECT_EQ(mesh.rollout("r").status().state(), "running");
  EXPECT_EQ(mesh.rollout("r").status().counts().at("RUNNING"), 1U);
  EXPECT_TRUE(mesh.logged("is open again"));
  EXPECT_EQ(mesh.excluded("s0"), "OPEN_DEPLOYMENT");

  agent.end("s0", wire::Ended::SUCCEEDED);
  EXPECT_EQ(deployment().state(), "SUCCEEDED");
  EXPECT_EQ(mesh.server("s0").status().phase(), "installed");
  EXPECT_EQ(mesh.server("s0").status().installed().image(), "rocky");
  EXPECT_EQ(mesh.rollout("r").status().state(), "done");
}

TEST_F(LateFacts, AWordThatNobodyCanConfirmAnyMoreIsDoubted) {
  resolve("cancelled");
  ASSERT_EQ(deployment().disk(), wire::DISK_UNTOUCHED);
  Puppet& fresh = *(mesh.agents["par1"] = std::make_unique<Puppet>(mesh, "par1", std::string(32, 'b')));
  mesh.run_for(std::chrono::seconds(130));
  EXPECT_EQ(deployment().state(), "INDETERMINATE");
  EXPECT_EQ(deployment().disk(), wire::DISK_UNKNOWN);
  EXPECT_EQ(deployment().resolved_by(), "");
  ASSERT_EQ(deployment().contradicted_size(), 1);
  EXPECT_EQ(deployment().contradicted(0).as(), "CANCELLED");
  EXPECT_THAT(deployment().contradicted(0).contradicted_by(), ::testing::HasSubstr("lost journal"));
  wire::Event event;
  event.set_server("s0");
  event.set_deployment_id(id);
  event.set_generation(deployment().generation());
  event.mutable_cancel()->set_answer(wire::CancelAnswer::NOT_RUNNING);
  fresh.report(event);
  EXPECT_EQ(deployment().state(), "INDETERMINATE") << "it cannot know";
  EXPECT_EQ(mesh.excluded("s0"), "UNRESOLVED");
  mesh.must(ResolveDeployment{id, "cancelled", "looked at its disk"});
  EXPECT_EQ(deployment().state(), "CANCELLED");
}

TEST_F(LateFacts, ANoToARepetitionOfAnAcceptedOrderEndsNothing) {
  for (const bool launched : {false, true}) {
    if (launched) agent.launch("s0");
    wire::Event no = agent.about("s0");
    no.mutable_receipt()->mutable_refusal()->set_code(wire::ORDER_INVALID);
    agent.stage("s0", launched ? wire::WATCH : wire::QUEUED);
    agent.report(no);
    EXPECT_EQ(deployment().state(), "RUNNING");
  }
}

TEST_F(LateFacts, TheReceiptOfACancelIsNoneOfTheOrder) {
  agent.end("s0", wire::Ended::INDETERMINATE, wire::DISK_UNKNOWN);
  wire::Event event = agent.about("s0");
  event.set_generation(event.generation() + 1);  // of a cancel that this store forgot
  event.mutable_receipt()->set_command_seq(99);
  event.mutable_receipt()->set_accepted(true);
  event.mutable_receipt()->set_of_cancel(true);
  agent.report(event);
  EXPECT_EQ(deployment().state(), "INDETERMINATE");
}

TEST_F(LateFacts, SoDoesACancelThatCameTooLate) {
  resolve("failed");
  agent.answer_cancel("s0", wire::CancelAnswer::TOO_LATE);
  EXPECT_EQ(deployment().state(), "RUNNING");
  EXPECT_TRUE(deployment().launched());
  EXPECT_EQ(deployment().disk(), wire::DISK_BEING_WRITTEN);
  EXPECT_EQ(deployment().fence(), "confirmed");
  EXPECT_TRUE(mesh.server("s0").status().protected_());
}

TEST_F(LateFacts, WorkPastThePowerOnIsWork) {
  resolve("cancelled");
  agent.stage("s0", wire::INSERT);
  EXPECT_EQ(deployment().state(), "CANCELLED") << "the cancel may still win";
  agent.stage("s0", wire::WATCH);
  EXPECT_EQ(deployment().state(), "RUNNING");
  EXPECT_FALSE(mesh.server("s0").status().protected_()) << "nothing was launched yet";
  agent.answer_cancel("s0", wire::CancelAnswer::CANCELLED);
  EXPECT_EQ(deployment().state(), "CANCELLED");
  EXPECT_EQ(mesh.server("s0").status().phase(), "ready");
  agent.stage("s0", wire::CLEANUP);
  EXPECT_EQ(deployment().state(), "CANCELLED") << "that is how it ends";
}

TEST_F(LateFacts, AnEndCorrectsWhatAPersonSaid) {
  agent.launch("s0");
  resolve("failed");
  EXPECT_EQ(mesh.server("s0").status().phase(), "failed");
  agent.end("s0", wire::Ended::SUCCEEDED);
  EXPECT_EQ(deployment().state(), "SUCCEEDED");
  EXPECT_EQ(deployment().contradicted_size(), 1);
  EXPECT_EQ(mesh.server("s0").status().phase(), "installed");
  EXPECT_TRUE(mesh.server("s0").status().protected_());
}

TEST_F(LateFacts, ASuccessThatWasNoneIsCorrected) {
  agent.launch("s0");
  resolve("succeeded");
  EXPECT_EQ(mesh.server("s0").status().phase(), "installed");
  agent.end("s0", wire::Ended::FAILED, wire::DISK_BEING_WRITTEN, wire::INSTALLER_STALLED);
  EXPECT_EQ(deployment().state(), "FAILED");
  EXPECT_EQ(mesh.server("s0").status().phase(), "failed");
  EXPECT_FALSE(mesh.server("s0").status().has_installed());
}

TEST_F(LateFacts, NothingWasLaunchedSoNothingSucceeded) {
  resolve("succeeded");
  agent.answer_cancel("s0", wire::CancelAnswer::CANCELLED);
  EXPECT_EQ(deployment().state(), "CANCELLED");
  EXPECT_EQ(deployment().disk(), wire::DISK_UNTOUCHED);
  EXPECT_EQ(mesh.server("s0").status().phase(), "ready");
}

TEST_F(LateFacts, WhoSpokeBeforeItsEndIsToldThatNothingProvesIt) {
  agent.launch("s0");
  resolve("succeeded");
  agent.end("s0", wire::Ended::UNPROVEN);
  EXPECT_EQ(deployment().state(), "UNPROVEN");
  EXPECT_EQ(deployment().contradicted_size(), 1);
  EXPECT_EQ(deployment().fence(), "confirmed") << "what has ended starts no more";
}

TEST_F(LateFacts, AnEndThatAgreesLeavesAPersonsWordAlone) {
  agent.launch("s0");
  agent.end("s0", wire::Ended::UNPROVEN);
  resolve("succeeded");
  agent.end("s0", wire::Ended::UNPROVEN);
  EXPECT_EQ(deployment().state(), "SUCCEEDED");
  EXPECT_EQ(deployment().resolved_by(), "ann");
}

TEST_F(LateFacts, UntouchedBySiteOrControllerIsCorrectedToo) {
  agent.end("s0", wire::Ended::FAILED, wire::DISK_UNTOUCHED, wire::BMC_UNREACHABLE);
  EXPECT_EQ(mesh.server("s0").status().phase(), "ready");
  agent.launch("s0");
  EXPECT_EQ(deployment().state(), "RUNNING");
  EXPECT_EQ(mesh.server("s0").status().phase(), "installing");
}

TEST_F(LateFacts, ACorrectionMayStopTheRollout) {
  mesh.add_ready("s2", agent, 2);
  auto rollout = Mesh::rollout_object("two");
  rollout.mutable_spec()->mutable_select()->add_servers("s1");
  rollout.mutable_spec()->mutable_select()->add_servers("s2");
  rollout.mutable_spec()->mutable_parallel()->set_total(1);
  rollout.mutable_spec()->mutable_stop_after()->set_after_wipe("1");
  mesh.start_rollout(rollout);
  agent.accept("s1");
  mesh.must(ResolveDeployment{"s1", "cancelled", "by the server's name"});
  agent.end("s1", wire::Ended::FAILED, wire::DISK_BEING_WRITTEN, wire::INSTALLER_STALLED);
  EXPECT_EQ(mesh.deployment_of("s1").state(), "FAILED");
  EXPECT_EQ(mesh.rollout("two").status().state(), "stopped");
  EXPECT_FALSE(agent.last_order("s2").has_value());
}

TEST_F(LateFacts, TheNewerOrderOfTheSameServerIsCalledBack) {
  resolve("cancelled");
  agent.answer_cancel("s0", wire::CancelAnswer::CANCELLED);
  auto next = Mesh::rollout_object("next");
  next.mutable_spec()->mutable_select()->add_servers("s0");
  const wire::Event of_first = agent.about("s0");
  mesh.start_rollout(next);
  const std::string newer = mesh.deployment_of("s0").id();
  ASSERT_NE(newer, id);
  wire::Event launched = of_first;
  launched.mutable_launched();
  agent.report(launched);
  EXPECT_EQ(deployment().state(), "RUNNING");
  EXPECT_EQ(mesh.deployment_of("s0").id(), id) << "the server belongs to the one that runs";
  EXPECT_EQ(mesh.state().deployments.at(newer).state(), "CANCELLING");
  EXPECT_EQ(mesh.state().deployments.at(newer).fence(), "owed");
  ASSERT_NE(agent.last_cancel("s0"), nullptr);
  EXPECT_EQ(agent.last_cancel("s0")->deployment_id(), newer);
  wire::Event both = agent.about("s0");
  ASSERT_EQ(both.deployment_id(), newer);
  both.mutable_launched();
  agent.report(both);
  EXPECT_EQ(mesh.state().deployments.at(newer).state(), "CANCELLING");
}

TEST_F(LateFacts, WhatWasLaunchedTwiceNobodyKnows) {
  resolve("cancelled");
  agent.answer_cancel("s0", wire::CancelAnswer::CANCELLED);
  auto next = Mesh::rollout_object("next");
  next.mutable_spec()->mutable_select()->add_servers("s0");
  const wire::Event of_first = agent.about("s0");
  mesh.start_rollout(next);
  agent.accept("s0");
  agent.launch("s0");
  const std::string newer = mesh.deployment_of("s0").id();
  wire::Event launched = of_first;
  launched.mutable_launched();
  agent.report(launched);
  EXPECT_EQ(deployment().state(), "RUNNING");
  EXPECT_EQ(mesh.state().deployments.at(newer).state(), "INDETERMINATE");
  EXPECT_EQ(mesh.deployment_of("s0").id(), id);
  EXPECT_EQ(mesh.server("s0").status().phase(), "installing");
}

TEST_F(LateFacts, SurviveARestart) {
  resolve("cancelled");
  agent.launch("s0");
  mesh.restart();
  EXPECT_EQ(deployment().state(), "RUNNING");
  EXPECT_EQ(deployment().contradicted_size(), 1);
  EXPECT_TRUE(mesh.server("s0").status().protected_());
}

TEST_F(LateFacts, AnEventThatCannotBeReadIsKeptAsItCame) {
  const auto cursor = mesh.state().sites.at("par1").status().events_received();
  Batch batch;
  const std::string damaged = "\x0a\x7f no event";
  ASSERT_TRUE(agent.up->append(damaged, batch).has_value());
  agent.store.commit(batch);
  agent.up->on_committed();
  mesh.run_for(std::chrono::seconds(1));
  EXPECT_EQ(mesh.state().sites.at("par1").status().events_received(), cursor + 1);
  const rest::LogEvent line = mesh.events().back();
  EXPECT_EQ(line.type(), "unreadable");
  EXPECT_EQ(line.entry(), damaged);
  EXPECT_FALSE(line.has_event());
  EXPECT_EQ(mesh.core->metrics().events_unreadable, 1U);
  EXPECT_EQ(deployment().state(), "RUNNING");
}

TEST_F(LateFacts, TextInAnotherEncodingDoesNotCostTheFact) {
  wire::Event event = agent.about("s0");
  event.mutable_ended()->set_outcome(wire::Ended::FAILED);
  event.mutable_ended()->set_disk(wire::DISK_BEING_WRITTEN);
  event.mutable_ended()->mutable_fault()->set_code(wire::BMC_PROTOCOL);
  event.mutable_ended()->mutable_fault()->set_detail("ferm?");
  std::string bytes = event.SerializeAsString();
  bytes[bytes.find("ferm?") + 4] = '\xe9';  // Latin-1
  Batch batch;
  ASSERT_TRUE(agent.up->append(bytes, batch).has_value());
  agent.store.commit(batch);
  agent.up->on_committed();
  mesh.run_for(std::chrono::seconds(1));
  EXPECT_EQ(deployment().state(), "FAILED");
  EXPECT_EQ(deployment().fault().detail(), "ferm\xEF\xBF\xBD");
  EXPECT_EQ(mesh.core->metrics().events_repaired, 1U);
  bool kept = false;
  for (const auto& line : mesh.events()) kept = kept || line.entry() == bytes;
  EXPECT_TRUE(kept);
}

}  // namespace
}  // namespace metalmesh::testing
