// A fence is owed until the site confirmed it, whatever happens in between; limits count what may still run.
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

struct Fences : ::testing::Test {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");
  void SetUp() override {
    for (int i = 0; i < 3; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  }
  void start(const std::string& name, std::uint32_t per_site) {
    auto rollout = Mesh::rollout_object(name);
    rollout.mutable_spec()->mutable_parallel()->set_per_site(per_site);
    rollout.mutable_spec()->mutable_stop_after()->set_no_canary(true);
    rollout.mutable_spec()->mutable_stop_after()->set_after_wipe("100%");
    mesh.start_rollout(rollout);
  }
};

TEST_F(Fences, AResolveIsNotFencedUntilTheSiteSaysSo) {
  start("r", 3);
  agent.accept("s0");
  EXPECT_EQ(mesh.deployment_of("s0").fence(), "none");
  const Answer told = mesh.must(ResolveDeployment{"s0", "cancelled", "cannot wait"});
  const auto& deployment = std::get<rest::Deployment>(told.object);
  EXPECT_EQ(deployment.fence(), "owed");
  EXPECT_THAT(deployment.note(), ::testing::HasSubstr("not fenced yet"));
  EXPECT_TRUE(mesh.logged("(not fenced yet: site par1 has not confirmed"));
  EXPECT_EQ(mesh.excluded("s0"), "NOT_FENCED");
  EXPECT_EQ(mesh.rollout("r").status().fences_owed(), 1U);
  agent.answer_cancel("s0", wire::CancelAnswer::CANCELLED);
  EXPECT_EQ(mesh.deployment_of("s0").fence(), "confirmed");
  EXPECT_EQ(mesh.deployment_of("s0").note(), "");
  EXPECT_EQ(mesh.excluded("s0"), "") << "ready, and in the plan";
  EXPECT_EQ(mesh.rollout("r").status().fences_owed(), 0U);
  EXPECT_TRUE(mesh.state().fences.empty());
}

TEST_F(Fences, AQuarantinePostponesTheFence) {
  start("r", 3);
  agent.accept("s0");
  wire::Data forged = agent.sent.back();
  forged.set_entries(0, "another truth");
  agent.publish("data", forged);
  ASSERT_TRUE(mesh.state().sites.at("par1").status().quarantined());
  mesh.must(ResolveDeployment{"s0", "failed", "the rack is gone"});
  EXPECT_EQ(agent.last_cancel("s0"), nullptr);
  EXPECT_EQ(mesh.deployment_of("s0").fence(), "owed");
  mesh.restart();
  EXPECT_EQ(mesh.deployment_of("s0").fence(), "owed") << "a debt survives";
  mesh.must(ClearSiteQuarantine{"par1", "a test forged it"});
  mesh.run_for(std::chrono::seconds(8));
  ASSERT_NE(agent.last_cancel("s0"), nullptr);
  EXPECT_EQ(agent.last_cancel("s0")->generation(), agent.last_order("s0")->issue.generation());
}

TEST_F(Fences, AnAbortDuringAQuarantineIsOwedToo) {
  start("r", 3);
  agent.accept("s0");
  wire::Data forged = agent.sent.back();
  forged.set_entries(0, "another truth");
  agent.publish("data", forged);
  mesh.must(StopRollout{"r", "wrong image"});
  EXPECT_EQ(mesh.deployment_of("s0").state(), "CANCELLING");
  EXPECT_EQ(mesh.deployment_of("s0").fence(), "owed");
  EXPECT_EQ(mesh.rollout("r").status().fences_owed(), 3U);
  mesh.must(ClearSiteQuarantine{"par1", "a test forged it"});
  mesh.run_for(std::chrono::seconds(8));
  EXPECT_NE(agent.last_cancel("s0"), nullptr);
}

TEST_F(Fences, IsAskedForAgainOverANewCommandJournal) {
  start("r", 3);
  agent.accept("s0");
  agent.cut = true;
  mesh.must(ResolveDeployment{"s0", "cancelled", "cannot wait"});
  agent.epoch = 7;  // it has heard a later controller: commands begin anew
  agent.cut = false;
  mesh.run_for(std::chrono::seconds(8));
  ASSERT_NE(agent.last_cancel("s0"), nullptr) << "what is called back need not wait until it has learned";
  int asked = 0;
  for (const auto& command : agent.commands) asked += command.has_cancel_order() ? 1 : 0;
  EXPECT_EQ(asked, 1) << "the one before went down with its journal";
  EXPECT_EQ(mesh.deployment_of("s0").fence(), "owed");
}

TEST_F(Fences, ASiteThatWasNotHeardYetFindsTheCancelInItsCommands) {
  start("r", 3);
  agent.accept("s0");
  mesh.restart();
  agent.cut = true;
  mesh.must(StopRollout{"r", "wrong image"});
  mesh.run_for(std::chrono::seconds(1));
  EXPECT_EQ(mesh.state().sites.at("par1").status().commands_pending(), 3U);
  agent.cut = false;
  mesh.run_for(std::chrono::seconds(8));
  EXPECT_NE(agent.last_cancel("s0"), nullptr);
}

TEST_F(Fences, TheRolloutIsNotForgottenBefore) {
  start("r", 3);
  for (const char* server : {"s0", "s1", "s2"}) mesh.must(ResolveDeployment{server, "failed", "x"});
  ASSERT_EQ(mesh.rollout("r").status().state(), "done");
  const auto refused = mesh.ask(Delete{"Rollout", "r", {}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("not fenced yet"));
  for (const char* server : {"s0", "s1", "s2"}) agent.answer_cancel(server, wire::CancelAnswer::NOT_RUNNING);
  mesh.must(Delete{"Rollout", "r", {}});
}

TEST_F(Fences, APlaceIsKeptUntilTheSiteAnswers) {
  start("r", 1);
  agent.accept("s0");
  agent.launch("s0");
  mesh.must(ResolveDeployment{"s0", "failed", "cannot wait"});
  EXPECT_TRUE(mesh.deployment_of("s0").keeps_place());
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_EQ(agent.orders(), 1) << "its installer may run";
  agent.end("s0", wire::Ended::FAILED, wire::DISK_BEING_WRITTEN, wire::INSTALLER_STALLED);
  mesh.run_for(std::chrono::seconds(2));
  EXPECT_FALSE(mesh.deployment_of("s0").keeps_place());
  EXPECT_EQ(agent.orders(), 2);
}

TEST_F(Fences, APlaceIsKeptNoLongerThanTheLongestRun) {
  auto profile = Mesh::profile("base");
  profile.mutable_spec()->mutable_max_run()->set_seconds(600);
  mesh.apply(profile);
  start("r", 1);
  agent.accept("s0");
  agent.launch("s0");
  agent.cut = true;
  mesh.must(ResolveDeployment{"s0", "failed", "the site is gone"});
  agent.cut = false;  // it is heard, but does not answer
  mesh.run_for(std::chrono::seconds(595));
  EXPECT_EQ(agent.orders(), 1);
  mesh.run_for(std::chrono::seconds(10));
  EXPECT_EQ(agent.orders(), 2);
  EXPECT_EQ(mesh.deployment_of("s0").fence(), "owed") << "what may start is another question";
}

TEST_F(Fences, WhatEndsWithItsMediumInKeepsItsPlaceUntilTheSiteLetsGo) {
  for (const bool released : {true, false}) {
    const std::string name = released ? "r" : "q";
    Mesh own;
    Puppet& site = own.bring_up("par1");
    auto profile = Mesh::profile("base");
    profile.mutable_spec()->mutable_max_run()->set_seconds(600);
    own.apply(profile);
    for (int i = 0; i < 2; ++i) own.add_ready("s" + std::to_string(i), site, i);
    auto rollout = Mesh::rollout_object(name);
    rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
    rollout.mutable_spec()->mutable_stop_after()->set_no_canary(true);
    rollout.mutable_spec()->mutable_stop_after()->set_after_wipe("100%");
    own.start_rollout(rollout);
    site.accept("s0");
    site.launch("s0");
    wire::Event end = site.about("s0");
    end.mutable_ended()->set_outcome(wire::Ended::INDETERMINATE);
    end.mutable_ended()->set_disk(wire::DISK_BEING_WRITTEN);
    end.mutable_ended()->set_medium_in(true);
    site.report(end);
    ASSERT_EQ(own.deployment_of("s0").state(), "INDETERMINATE");
    own.run_for(std::chrono::seconds(30));
    EXPECT_EQ(site.orders(), 1) << "its installer may still run";
    own.restart();
    own.run_for(std::chrono::seconds(30));
    EXPECT_EQ(site.orders(), 1);
    if (released) {
      wire::Event gone = site.about("s0");
      gone.mutable_released()->set_ground(wire::MediumReleased::HOST_OFF);
      site.report(gone);
    } else {
      own.run_for(std::chrono::minutes(11));
    }
    own.run_for(std::chrono::seconds(5));
    EXPECT_FALSE(own.deployment_of("s0").keeps_place());
    EXPECT_TRUE(own.state().fences.empty());
    if (released) EXPECT_EQ(site.orders(), 2);
  }
}

TEST_F(Fences, APersonWhoResolvesWhatKeepsItsMediumSendsTheCancel) {
  start("r", 1);
  agent.accept("s0");
  agent.launch("s0");
  wire::Event end = agent.about("s0");
  end.mutable_ended()->set_outcome(wire::Ended::INDETERMINATE);
  end.mutable_ended()->set_medium_in(true);
  agent.report(end);
  ASSERT_EQ(agent.last_cancel("s0"), nullptr);
  mesh.must(ResolveDeployment{"s0", "failed", "it hangs"});
  ASSERT_NE(agent.last_cancel("s0"), nullptr);
  EXPECT_TRUE(mesh.deployment_of("s0").keeps_place());
  agent.answer_cancel("s0", wire::CancelAnswer::NOT_RUNNING);
  EXPECT_FALSE(mesh.deployment_of("s0").keeps_place());
}

TEST_F(Fences, AJournalThatIsLostKeepsThePlacesOfWhatItRan) {
  auto profile = Mesh::profile("base");
  profile.mutable_spec()->mutable_max_run()->set_seconds(600);
  mesh.apply(profile);
  start("r", 1);
  agent.accept("s0");
  agent.launch("s0");
  const std::string id = mesh.deployment_of("s0").id();
  const auto order = agent.last_order("s0");
  wire::Event answered;
  answered.set_server("s0");
  answered.set_deployment_id(id);
  answered.set_generation(order->issue.generation());
  answered.mutable_cancel()->set_answer(wire::CancelAnswer::NOT_RUNNING);
  Puppet& anew = *(mesh.agents["par1"] = std::make_unique<Puppet>(mesh, "par1", "journal-2"));
  mesh.run_for(std::chrono::seconds(130));
  ASSERT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
  ASSERT_NE(anew.last_cancel("s0"), nullptr) << "the new agent is to fence it";
  anew.report(answered);
  EXPECT_EQ(mesh.deployment_of("s0").fence(), "confirmed");
  EXPECT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
  mesh.run_for(std::chrono::seconds(30));
  EXPECT_EQ(anew.orders(), 0) << "who answers does not remember: the installer may run";
  mesh.run_for(std::chrono::seconds(600));
  EXPECT_EQ(anew.orders(), 1);
  EXPECT_TRUE(mesh.state().fences.empty());
}

TEST_F(Fences, OneDeploymentCanBeCancelledByItsServersName) {
  start("r", 1);
  agent.accept("s0");
  EXPECT_EQ(mesh.ask(CancelDeployment{"s0", ""}).error().field, "reason");
  EXPECT_EQ(mesh.ask(CancelDeployment{"nobody", "x"}).error().kind, ErrorKind::not_found);
  mesh.must(CancelDeployment{"s0", "wrong disk"});
  EXPECT_EQ(mesh.deployment_of("s0").state(), "CANCELLING");
  mesh.must(CancelDeployment{mesh.deployment_of("s1").id(), "wrong disk"});
  EXPECT_EQ(mesh.deployment_of("s1").state(), "CANCELLED") << "it was not handed out";
  agent.answer_cancel("s0", wire::CancelAnswer::CANCELLED);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "CANCELLED");
  agent.accept("s2");
  agent.launch("s2");
  EXPECT_THAT(mesh.ask(CancelDeployment{"s2", "x"}).error().message, ::testing::HasSubstr("launched"));
  agent.end("s2", wire::Ended::SUCCEEDED);
  EXPECT_EQ(mesh.ask(CancelDeployment{"s2", "x"}).error().kind, ErrorKind::conflict);
}

TEST_F(Fences, NewSystemsWithoutProofStopARollout) {
  for (int i = 3; i < 10; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  auto rollout = Mesh::rollout_object("r");
  rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
  rollout.mutable_spec()->mutable_stop_after()->set_after_wipe("1");
  mesh.start_rollout(rollout);
  agent.accept("s0");
  agent.launch("s0");
  agent.end("s0", wire::Ended::UNPROVEN);
  EXPECT_EQ(mesh.rollout("r").status().state(), "stopped");
  EXPECT_EQ(agent.orders(), 1);
}

TEST_F(Fences, UnprovenHasALimitOfItsOwn) {
  for (int i = 3; i < 8; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  const auto unproven = [&](int i) {
    const std::string name = "s" + std::to_string(i);
    agent.accept(name);
    agent.launch(name);
    agent.end(name, wire::Ended::UNPROVEN);
  };
  auto rollout = Mesh::rollout_object("r");
  rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
  rollout.mutable_spec()->mutable_stop_after()->set_after_wipe("1");
  rollout.mutable_spec()->mutable_stop_after()->set_unproven("2");
  mesh.start_rollout(rollout);
  unproven(0);
  EXPECT_EQ(mesh.rollout("r").status().state(), "running") << "said to be borne";
  unproven(1);
  EXPECT_EQ(mesh.rollout("r").status().state(), "stopped");
  EXPECT_THAT(mesh.rollout("r").status().stop_reason(), ::testing::HasSubstr("without their proof"));
  rollout.mutable_metadata()->set_name("wrong");
  rollout.mutable_spec()->mutable_stop_after()->set_unproven("many");
  EXPECT_EQ(mesh.ask(Apply{rollout, {}}).error().field, "spec.stopAfter.unproven");
}

TEST_F(Fences, UnprovenStopsEvenWhereFailuresAreBorne) {
  for (int i = 3; i < 8; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  start("r", 1);
  for (int i = 0; i < 3; ++i) {
    const std::string name = "s" + std::to_string(i);
    ASSERT_EQ(mesh.rollout("r").status().state(), "running") << i;
    agent.accept(name);
    agent.launch(name);
    agent.end(name, wire::Ended::UNPROVEN);
  }
  EXPECT_EQ(mesh.rollout("r").status().state(), "stopped");
}

}  // namespace
}  // namespace metalmesh::testing
