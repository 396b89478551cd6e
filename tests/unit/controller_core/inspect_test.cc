// Rollouts that only read: no generation, no fence, beside whatever else is at work on the machine.
#include "tests/unit/controller_core/planned.h"

namespace metalmesh::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Inspecting : Planned {
  static rest::Rollout inspection(const std::string& name) {
    rest::Rollout rollout;
    rollout.mutable_metadata()->set_name(name);
    rollout.mutable_spec()->set_action("inspect");
    rollout.mutable_spec()->mutable_select()->add_sites("*");
    return rollout;
  }
  [[nodiscard]] const rest::Deployment& of(const std::string& rollout, const std::string& server) const {
    for (const auto& [id, deployment] : mesh.state().deployments) {
      if (deployment.rollout() == rollout && deployment.server() == server) return deployment;
    }
    throw std::runtime_error(rollout + " has no deployment of " + server);
  }
  wire::Event about(const rest::Deployment& deployment) const {
    wire::Event event;
    event.set_server(deployment.server());
    event.set_deployment_id(deployment.id());
    return event;
  }
  void learned(const rest::Deployment& deployment, const wire::Inspected& seen) {
    wire::Event event = about(deployment);
    *event.mutable_inspected() = seen;
    agent.report(event);
  }
  void ended(const rest::Deployment& deployment, wire::Ended::Outcome outcome) {
    wire::Event event = about(deployment);
    event.mutable_ended()->set_outcome(outcome);
    agent.report(event);
  }
};

TEST_F(Inspecting, WhoeverHasASiteTakesPart) {
  mesh.add_ready("s0", agent, 0);
  mesh.must(ProtectServer{"s0", true, "live", 0});
  mesh.apply(Mesh::server_object("s1", "par1", 1));  // never inspected
  mesh.add_ready("s2", agent, 2);
  mesh.must(RetireServer{"s2"});
  const rest::Plan made = plan(inspection("eye"));
  EXPECT_THAT(names(made), ElementsAre("s0", "s1"));
  EXPECT_EQ(reasons(made), (std::map<std::string, std::string>{{"s2", "RETIRED"}}));
  mesh.must(order("eye"));
  const auto first_contact = agent.last_order("s1");
  ASSERT_TRUE(first_contact);
  EXPECT_TRUE(first_contact->agreed.has_inspect());
  EXPECT_EQ(first_contact->issue.generation(), 0U);
  EXPECT_EQ(first_contact->issue.bmc_key_sha256(), "");
  EXPECT_NE(agent.last_order("s0")->issue.bmc_key_sha256(), "") << "a key that is known is asked for";
  EXPECT_EQ(agent.orders(), 2);
}

TEST_F(Inspecting, WhatIsLearnedIsTakenAndTheEndEndsIt) {
  mesh.add_ready("s0", agent, 0);
  mesh.start_rollout(inspection("eye"));
  auto seen = bmc_report(0);
  seen.set_power("On");
  seen.set_bmc_firmware("7.10");
  learned(of("eye", "s0"), seen);
  EXPECT_EQ(mesh.server("s0").status().power(), "On");
  EXPECT_EQ(mesh.server("s0").status().bmc_firmware(), "7.10");
  EXPECT_EQ(of("eye", "s0").state(), "ISSUED");
  ended(of("eye", "s0"), wire::Ended::SUCCEEDED);
  EXPECT_EQ(of("eye", "s0").state(), "SUCCEEDED");
  EXPECT_EQ(mesh.server("s0").status().phase(), "ready");
  EXPECT_EQ(mesh.server("s0").status().deployment(), "");
  EXPECT_EQ(mesh.server("s0").status().generation(), 0U);
  EXPECT_EQ(mesh.rollout("eye").status().state(), "done");
  EXPECT_THAT(mesh.state().fences, IsEmpty());
}

TEST_F(Inspecting, ItGoesOnBesideAnInstallAndBesideItself) {
  mesh.add_ready("s0", agent, 0);
  mesh.start_rollout(Mesh::rollout_object("i"));
  agent.accept("s0");
  const std::string install = mesh.deployment_of("s0").id();
  mesh.start_rollout(inspection("one"));
  mesh.start_rollout(inspection("two"));
  EXPECT_EQ(of("one", "s0").state(), "ISSUED");
  EXPECT_EQ(of("two", "s0").state(), "ISSUED");
  EXPECT_EQ(mesh.deployment_of("s0").id(), install);
  EXPECT_EQ(mesh.server("s0").status().phase(), "installing");
  ended(of("two", "s0"), wire::Ended::SUCCEEDED);
  ended(of("one", "s0"), wire::Ended::FAILED);
  EXPECT_EQ(mesh.server("s0").status().phase(), "installing");
  EXPECT_EQ(mesh.deployment_of("s0").state(), "RUNNING");
  EXPECT_EQ(of("one", "s0").disk(), wire::DISK_UNTOUCHED);
}

TEST_F(Inspecting, AnInstallMayBeOrderedBesideIt) {
  mesh.add_ready("s0", agent, 0);
  mesh.start_rollout(inspection("eye"));
  EXPECT_EQ(mesh.excluded("s0"), "");
  mesh.start_rollout(Mesh::rollout_object("i"));
  EXPECT_EQ(mesh.deployment_of("s0").state(), "ISSUED");
}

TEST_F(Inspecting, WhatIsHandedOutRunsToItsEnd) {
  mesh.add_ready("s0", agent, 0);
  mesh.add_ready("s1", agent, 1);
  auto rollout = inspection("eye");
  rollout.mutable_spec()->mutable_parallel()->set_total(1);
  mesh.start_rollout(rollout);
  const std::string id = of("eye", "s0").id();
  const auto refused = mesh.ask(CancelDeployment{id, "no"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("runs to its end"));
  mesh.must(StopRollout{"eye", "enough"});
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_EQ(of("eye", "s1").state(), "CANCELLED");
  EXPECT_EQ(of("eye", "s0").state(), "ISSUED");
  EXPECT_EQ(agent.last_cancel("s0"), nullptr);
  ended(of("eye", "s0"), wire::Ended::SUCCEEDED);
  EXPECT_EQ(mesh.rollout("eye").status().state(), "done");
}

TEST_F(Inspecting, OfAServerThatWasMovedItSaysNothing) {
  mesh.add_ready("s0", agent, 0);
  mesh.start_rollout(inspection("eye"));
  auto moved = Mesh::server_object("s0", "par1", 0);
  moved.mutable_spec()->mutable_bmc()->set_address("10.9.9.9");
  mesh.apply(moved);
  learned(of("eye", "s0"), bmc_report(0));
  EXPECT_FALSE(mesh.server("s0").status().has_inspected_at()) << "that was another BMC";
  EXPECT_FALSE(mesh.ask(Delete{"Server", "s0", std::nullopt, {}})) << "something is open for it";
  EXPECT_FALSE(mesh.ask(RetireServer{"s0"}));
  wire::Event end = about(of("eye", "s0"));
  end.mutable_ended()->set_outcome(wire::Ended::SUCCEEDED);
  end.mutable_ended()->set_power("On");
  agent.report(end);
  EXPECT_EQ(of("eye", "s0").state(), "SUCCEEDED");
  EXPECT_EQ(mesh.server("s0").status().power(), "");
  EXPECT_TRUE(mesh.ask(Delete{"Server", "s0", std::nullopt, {}}));
}

TEST_F(Inspecting, OfAnOrderThatNobodyKnowsNothingIsTaken) {
  mesh.add_ready("s0", agent, 0);
  wire::Event event;
  event.set_server("s0");
  event.set_deployment_id("d-unknown");
  *event.mutable_inspected() = bmc_report(0);
  event.mutable_inspected()->set_power("On");
  agent.report(event);
  EXPECT_EQ(mesh.server("s0").status().power(), "Off");
  EXPECT_THAT(mesh.state().deployments, IsEmpty());
}

TEST_F(Inspecting, FailuresStopItAndThereIsNoCanary) {
  for (int i = 0; i < 12; ++i)
    mesh.add_ready("s" + std::string(i < 10 ? "0" : "") + std::to_string(i), agent, i);
  auto rollout = inspection("eye");
  rollout.mutable_spec()->mutable_parallel()->set_per_site(4);
  rollout.mutable_spec()->mutable_stop_after()->set_failed("2");
  mesh.start_rollout(rollout);
  EXPECT_EQ(agent.orders(), 4);
  ended(of("eye", "s00"), wire::Ended::FAILED);
  ended(of("eye", "s01"), wire::Ended::FAILED);
  EXPECT_EQ(mesh.rollout("eye").status().state(), "stopped");
  EXPECT_EQ(agent.orders(), 5);
}

TEST_F(Inspecting, ASecondEndIsNoneAndALateOneCounts) {
  mesh.add_ready("s0", agent, 0);
  mesh.start_rollout(inspection("eye"));
  ended(of("eye", "s0"), wire::Ended::SUCCEEDED);
  ended(of("eye", "s0"), wire::Ended::FAILED);
  EXPECT_EQ(of("eye", "s0").state(), "SUCCEEDED");
  mesh.start_rollout(inspection("two"));
  const std::string id = of("two", "s0").id();
  mesh.must(ResolveDeployment{id, "failed", "cannot wait"});
  EXPECT_EQ(of("two", "s0").fence(), "none") << "nothing is owed that could not harm";
  EXPECT_FALSE(of("two", "s0").keeps_place());
  EXPECT_EQ(mesh.rollout("two").status().state(), "done");
  ended(of("two", "s0"), wire::Ended::SUCCEEDED);
  EXPECT_EQ(of("two", "s0").state(), "SUCCEEDED");
  EXPECT_EQ(of("two", "s0").contradicted_size(), 1);
  EXPECT_EQ(mesh.server("s0").status().deployment(), "");
}

TEST_F(Inspecting, ARefusalByItsSiteEndsIt) {
  mesh.add_ready("s0", agent, 0);
  mesh.start_rollout(inspection("eye"));
  wire::Event event = about(of("eye", "s0"));
  event.mutable_receipt()->mutable_refusal()->set_code(wire::ORDER_INVALID);
  agent.report(event);
  EXPECT_EQ(of("eye", "s0").state(), "FAILED");
  EXPECT_EQ(of("eye", "s0").fault().code(), wire::ORDER_INVALID);
}

TEST_F(Inspecting, ARefusalByASiteThatCouldNotOpenItEndsItAsWell) {
  mesh.add_ready("s0", agent, 0);
  mesh.start_rollout(inspection("eye"));
  wire::Event event = about(of("eye", "s0"));
  event.clear_server();
  event.mutable_receipt()->mutable_refusal()->set_code(wire::UNSUPPORTED_COMMAND);
  agent.report(event);
  EXPECT_EQ(of("eye", "s0").state(), "FAILED");
}

TEST_F(Inspecting, ARestoredControllerHandsItOutAgain) {
  mesh.add_ready("s0", agent, 0);
  mesh.start_rollout(inspection("eye"));
  const auto backup = mesh.store.rows();
  mesh.must(InspectServer{"s0"});
  agent.answer_inspections();
  mesh.store.restore(backup);
  mesh.restart();
  mesh.run_for(std::chrono::seconds(16));
  ASSERT_TRUE(mesh.state().hold);
  wire::Event report;
  for (const auto& command : agent.commands) {
    if (command.has_report_state())
      report.mutable_state_report()->set_request_id(command.report_state().request_id());
  }
  auto& fence = *report.mutable_state_report()->add_fences();
  fence.set_machine(bmc_report(0).identity().uuid() + "/" + bmc_report(0).identity().serial());
  fence.set_generation(4);
  agent.report(report);
  EXPECT_EQ(of("eye", "s0").state(), "PENDING") << "a fence says nothing of what only reads";
  mesh.must(ContinueController{"looked"});
  mesh.run_for(std::chrono::seconds(2));
  EXPECT_EQ(of("eye", "s0").state(), "ISSUED");
  EXPECT_EQ(agent.orders(), 2);
  EXPECT_EQ(agent.last_order("s0")->issue.generation(), 0U);
}

TEST_F(Inspecting, ALostJournalLeavesNothingOwed) {
  mesh.add_ready("s0", agent, 0);
  mesh.start_rollout(inspection("eye"));
  agent.cut = true;
  mesh.agents["par1"] = std::make_unique<Puppet>(mesh, "par1", "journal-new");
  mesh.run_for(std::chrono::seconds(400));
  EXPECT_EQ(of("eye", "s0").state(), "INDETERMINATE");
  EXPECT_FALSE(of("eye", "s0").keeps_place());
  EXPECT_THAT(mesh.state().fences, IsEmpty());
  EXPECT_EQ(mesh.server("s0").status().phase(), "ready");
  EXPECT_EQ(mesh.rollout("eye").status().state(), "done");
}

}  // namespace
}  // namespace metalmesh::testing
