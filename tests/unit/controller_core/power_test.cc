// Orders that change the power of machines: who takes part, and that nothing of them is ever said of a disk.
#include "tests/unit/controller_core/planned.h"

namespace metalmesh::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

struct Power : Planned {
  static rest::Rollout power(const std::string& name, const std::string& change = "off") {
    rest::Rollout rollout;
    rollout.mutable_metadata()->set_name(name);
    rollout.mutable_spec()->set_action("power");
    rollout.mutable_spec()->mutable_select()->add_sites("*");
    rollout.mutable_spec()->mutable_power()->set_change(change);
    rollout.mutable_spec()->mutable_stop_after()->set_no_canary(true);
    return rollout;
  }
  void ready(int count) {
    for (int i = 0; i < count; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  }
  void install(const std::string& rollout, const std::string& server) {
    auto object = Mesh::rollout_object(rollout);
    object.mutable_spec()->mutable_select()->add_servers(server);
    mesh.start_rollout(object);
  }
  void done(const std::string& server, const std::string& shows) {
    agent.accept(server);
    ended(server, wire::Ended::SUCCEEDED, shows);
  }
  void ended(const std::string& server, wire::Ended::Outcome outcome, const std::string& shows = {}) {
    wire::Event event = agent.about(server);
    event.mutable_ended()->set_outcome(outcome);
    event.mutable_ended()->set_disk(wire::DISK_UNTOUCHED);
    event.mutable_ended()->set_power(shows);
    agent.report(event);
  }
  /// What must not change by it.
  [[nodiscard]] std::string disk_facts(const std::string& server) const {
    const rest::ServerStatus& status = mesh.server(server).status();
    return status.phase() + "|" + status.holds() + "|" + status.use() + "|" +
           (status.protected_() ? "protected" : "") + "|" + status.installed().ShortDebugString() + "|" +
           std::to_string(status.unresolved_size());
  }
};

TEST_F(Power, ItIsAnOrderOfItsOwn) {
  ready(1);
  auto rollout = power("p", "bmcReset");
  rollout.mutable_spec()->mutable_power()->mutable_within()->set_seconds(90);
  mesh.start_rollout(rollout);
  const auto order = agent.last_order("s0");
  ASSERT_TRUE(order);
  EXPECT_EQ(order->agreed.power().change(), wire::Power::BMC_RESET);
  EXPECT_EQ(order->agreed.power().within().seconds(), 90);
  EXPECT_FALSE(order->agreed.has_install());
  EXPECT_GT(order->issue.generation(), 0U);
  EXPECT_FALSE(order->issue.bmc_key_sha256().empty());
  EXPECT_TRUE(order->issue.has_start_by());
  EXPECT_FALSE(order->issue.has_launch_by());
  EXPECT_THAT(order->issue.image_urls(), IsEmpty());
  EXPECT_EQ(mesh.deployment_of("s0").action(), "power");
  const rest::Plan& plan = mesh.rollout("p").status().plan();
  EXPECT_EQ(plan.image() + plan.profile(), "");
  EXPECT_FALSE(plan.has_media());
}

TEST_F(Power, NeitherUseNorProtectionIsAgainstItAndThePlanSaysHowMany) {
  ready(4);
  install("i", "s0");
  agent.succeed("s0");
  mesh.must(AdoptServer{"s1", "somebody's"});
  mesh.must(ProtectServer{"s2", true, "live", 0});
  const rest::Plan off = plan(power("p"));
  EXPECT_THAT(names(off), ElementsAre("s0", "s1", "s2", "s3"));
  EXPECT_THAT(off.warnings(),
              ElementsAre("power off stops what runs; in use or protected: 3 of the 4 servers"));
  EXPECT_THAT(off.servers(0).holds(), ::testing::StartsWith("rocky since"));
  EXPECT_THAT(plan(power("on", "on")).warnings(), IsEmpty());
}

TEST_F(Power, WhatMayRunAnInstallerKeepsItsPower) {
  ready(6);
  install("i0", "s0");  // open
  install("i1", "s1");  // its medium is in still
  agent.accept("s1");
  agent.launch("s1");
  wire::Event kept = agent.about("s1");
  kept.mutable_ended()->set_outcome(wire::Ended::INDETERMINATE);
  kept.mutable_ended()->set_medium_in(true);
  agent.report(kept);
  install("i2", "s2");  // ended by a word alone
  agent.accept("s2");
  agent.cut = true;
  mesh.must(ResolveDeployment{"s2", "failed", "cannot wait"});
  agent.cut = false;
  mesh.must(RetireServer{"s3"});
  agent.bmcs["s4"] = bmc_report(44);  // another machine
  mesh.must(InspectServer{"s4"});
  agent.answer_inspections();
  const std::map<std::string, std::string> expected = {{"s0", "OPEN_DEPLOYMENT"},
                                                       {"s1", "MAY_STILL_RUN"},
                                                       {"s2", "NOT_FENCED"},
                                                       {"s3", "RETIRED"},
                                                       {"s4", "IDENTITY_INSUFFICIENT"}};
  const rest::Plan made = plan(power("p"));
  EXPECT_EQ(reasons(made), expected);
  EXPECT_THAT(names(made), ElementsAre("s5"));
  // Once nobody's installer can run there, power is how to look at it.
  mesh.must(ResolveDeployment{"s1", "failed", "looked"});
  agent.answer_cancel("s1", wire::CancelAnswer::NOT_RUNNING);
  wire::Event let_go = agent.about("s1");
  let_go.mutable_released()->set_ground(wire::MediumReleased::PERSON);
  agent.report(let_go);
  EXPECT_THAT(names(plan(power("p2"))), ::testing::Contains("s1"));
}

TEST_F(Power, OneChangesAMachineAtATime) {
  ready(2);
  mesh.start_rollout(power("p"));
  EXPECT_EQ(mesh.excluded("s0"), "OPEN_DEPLOYMENT") << "an install waits for it, too";
  plan(power("q"));
  EXPECT_THAT(names(mesh.rollout("q").status().plan()), IsEmpty());
  EXPECT_FALSE(mesh.ask(Delete{"Server", "s0", std::nullopt, {}}));
  EXPECT_FALSE(mesh.ask(RetireServer{"s0"}));
}

TEST_F(Power, AnEndSaysNothingOfTheDiskAndTellsThePower) {
  ready(2);
  install("i", "s0");
  agent.succeed("s0");
  const std::string before = disk_facts("s0");
  auto only = power("p", "on");
  mesh.start_rollout(only);
  done("s0", "On");
  EXPECT_EQ(mesh.deployment_of("s0").state(), "SUCCEEDED");
  EXPECT_EQ(mesh.deployment_of("s0").disk(), wire::DISK_UNTOUCHED);
  EXPECT_EQ(disk_facts("s0"), before);
  EXPECT_EQ(mesh.server("s0").status().power(), "On");
  ended("s1", wire::Ended::FAILED, "Off");
  EXPECT_EQ(mesh.server("s1").status().phase(), "ready");
  EXPECT_EQ(mesh.server("s1").status().power(), "Off");
  EXPECT_EQ(mesh.rollout("p").status().state(), "done");
}

TEST_F(Power, WhatABmcSaysIsCutBetweenCharacters) {
  ready(1);
  mesh.start_rollout(power("p", "on"));
  done("s0", std::string(31, 'o') + "\u00e9");
  EXPECT_EQ(mesh.server("s0").status().power(), std::string(31, 'o'));
}

TEST_F(Power, AnInstallIsDecidedAfterThePowerOrderWasDeleted) {
  ready(1);
  install("i", "s0");
  agent.accept("s0");
  agent.launch("s0");
  agent.end("s0", wire::Ended::UNPROVEN);
  const std::string id = mesh.deployment_of("s0").id();
  mesh.start_rollout(power("p", "cycle"));
  done("s0", "On");
  mesh.must(Delete{"Rollout", "p", std::nullopt, {}});
  mesh.must(ResolveDeployment{id, "succeeded", "it runs"});
  EXPECT_EQ(mesh.server("s0").status().phase(), "installed");
}

TEST_F(Power, WhatNobodyKnowsIsNoQuestionToAPerson) {
  ready(1);
  mesh.start_rollout(power("p"));
  agent.accept("s0");
  ended("s0", wire::Ended::INDETERMINATE);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
  EXPECT_EQ(mesh.deployment_of("s0").disk(), wire::DISK_UNTOUCHED);
  EXPECT_THAT(mesh.server("s0").status().unresolved(), IsEmpty());
  EXPECT_EQ(mesh.server("s0").status().phase(), "ready");
  EXPECT_EQ(mesh.excluded("s0"), "");
}

TEST_F(Power, WhatAnInstallLeftOpenIsDecidedAllTheSame) {
  ready(1);
  install("i", "s0");
  agent.accept("s0");
  agent.launch("s0");
  agent.end("s0", wire::Ended::UNPROVEN);
  mesh.start_rollout(power("p", "cycle"));
  done("s0", "On");
  EXPECT_EQ(mesh.server("s0").status().phase(), "unproven");
  mesh.must(ResolveDeployment{"s0", "succeeded", "it runs"});
  EXPECT_EQ(mesh.server("s0").status().phase(), "installed");
  EXPECT_TRUE(mesh.server("s0").status().protected_());
  EXPECT_THAT(mesh.server("s0").status().unresolved(), IsEmpty());
}

TEST_F(Power, WhatIsToldOfTheDiskAllTheSameIsNotBelieved) {
  ready(1);
  const std::string before = disk_facts("s0");
  mesh.start_rollout(power("p"));
  agent.accept("s0");
  agent.launch("s0");
  EXPECT_FALSE(mesh.deployment_of("s0").launched());
  wire::Event event = agent.about("s0");
  event.mutable_ended()->set_outcome(wire::Ended::SUCCEEDED);
  event.mutable_ended()->set_disk(wire::DISK_NEW_SYSTEM);
  event.mutable_ended()->set_medium_in(true);
  agent.report(event);
  EXPECT_FALSE(mesh.deployment_of("s0").keeps_place());
  EXPECT_EQ(mesh.deployment_of("s0").disk(), wire::DISK_UNTOUCHED);
  EXPECT_EQ(disk_facts("s0"), before);
}

TEST_F(Power, EveryFailureCountsAlike) {
  ready(8);
  auto rollout = power("p");
  rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
  mesh.start_rollout(rollout);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(mesh.rollout("p").status().state(), "running");
    ended("s" + std::to_string(i), i == 1 ? wire::Ended::INDETERMINATE : wire::Ended::FAILED);
  }
  EXPECT_EQ(mesh.rollout("p").status().state(), "stopped");
  EXPECT_EQ(mesh.rollout("p").status().stop_reason(), "3 failed (stop at 3)");
}

TEST_F(Power, ACancelIsAskedForOnceAndTooLateIsNoLaunch) {
  ready(1);
  mesh.start_rollout(power("p"));
  agent.accept("s0");
  mesh.must(StopRollout{"p", "no"});
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_EQ(mesh.deployment_of("s0").state(), "CANCELLING");
  ASSERT_NE(agent.last_cancel("s0"), nullptr);
  agent.answer_cancel("s0", wire::CancelAnswer::TOO_LATE);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "RUNNING");
  EXPECT_FALSE(mesh.deployment_of("s0").launched());
  const std::size_t sent = agent.commands.size();
  mesh.run_for(std::chrono::seconds(10));
  EXPECT_EQ(agent.commands.size(), sent) << "it is not asked again and again";
  done("s0", "Off");
  EXPECT_EQ(mesh.deployment_of("s0").state(), "SUCCEEDED");
  EXPECT_EQ(mesh.rollout("p").status().state(), "done");
}

TEST_F(Power, WhatWasNotHandedOutIsRecalledWithAWayToOrderItAgain) {
  ready(2);
  auto rollout = power("p", "lightOn");
  rollout.mutable_spec()->mutable_parallel()->set_total(1);
  mesh.start_rollout(rollout);
  mesh.must(CancelDeployment{"s1", "not that one"});
  EXPECT_EQ(mesh.deployment_of("s1").state(), "CANCELLED");
  EXPECT_THAT(mesh.deployment_of("s1").fault().next(), HasSubstr("metalmesh power light-on s1"));
}

TEST_F(Power, ProtectingItsServerCallsNothingBack) {
  ready(1);
  mesh.start_rollout(power("p"));
  agent.accept("s0");
  mesh.must(ProtectServer{"s0", true, "live", 0});
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_EQ(mesh.deployment_of("s0").state(), "RUNNING");
  EXPECT_EQ(agent.last_cancel("s0"), nullptr);
}

TEST_F(Power, OnlyWhatItGoesByIsHeldWhileItIsOrdered) {
  ready(1);
  mesh.start_rollout(power("p"));
  auto edited = Mesh::server_object("s0", "par1", 0);
  edited.mutable_spec()->set_hostname("web0");
  mesh.apply(edited);
  edited.mutable_spec()->mutable_bmc()->set_address("10.9.9.9");
  EXPECT_EQ(mesh.ask(Apply{edited, std::nullopt}).error().field, "spec.bmc");
}

TEST_F(Power, ALateEndCorrectsAnEarlierOne) {
  ready(1);
  mesh.start_rollout(power("p"));
  agent.accept("s0");
  agent.cut = true;
  mesh.must(ResolveDeployment{"s0", "cancelled", "gave up"});
  EXPECT_EQ(mesh.deployment_of("s0").state(), "CANCELLED");
  const std::string before = disk_facts("s0");
  agent.cut = false;
  ended("s0", wire::Ended::SUCCEEDED, "Off");
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_EQ(mesh.deployment_of("s0").state(), "SUCCEEDED");
  EXPECT_EQ(mesh.deployment_of("s0").contradicted_size(), 1);
  EXPECT_EQ(disk_facts("s0"), before);
  ended("s0", wire::Ended::FAILED);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "SUCCEEDED") << "a second end is none";
}

TEST_F(Power, AJournalThatIsLostLeavesNothingToDecide) {
  ready(1);
  mesh.start_rollout(power("p"));
  agent.accept("s0");
  const std::string before = disk_facts("s0");
  agent.cut = true;
  mesh.agents["par1"] = std::make_unique<Puppet>(mesh, "par1", "journal-new");
  mesh.run_for(std::chrono::seconds(400));
  const rest::Deployment& lost = mesh.deployment_of("s0");
  EXPECT_EQ(lost.state(), "INDETERMINATE");
  EXPECT_EQ(lost.disk(), wire::DISK_UNTOUCHED);
  EXPECT_EQ(lost.fault().next(), "metalmesh inspect s0 --wait");
  EXPECT_EQ(disk_facts("s0"), before);
}

TEST_F(Power, WhatARestoredControllerLearnsOfItWroteNoSystem) {
  ready(1);
  const auto backup = mesh.store.rows();
  const std::string before = disk_facts("s0");
  mesh.start_rollout(power("p"));
  const std::string id = mesh.deployment_of("s0").id();
  mesh.store.restore(backup);
  mesh.restart();
  agent.accept("s0");
  mesh.run_for(std::chrono::seconds(10));
  ASSERT_TRUE(mesh.state().deployments.contains(id));
  EXPECT_EQ(mesh.state().deployments.at(id).state(), "RUNNING");
  ended("s0", wire::Ended::SUCCEEDED, "Off");
  EXPECT_EQ(mesh.state().deployments.at(id).state(), "SUCCEEDED");
  EXPECT_EQ(disk_facts("s0"), before);
}

TEST_F(Power, AControllerThatRestartsGoesOn) {
  ready(3);
  auto rollout = power("p");
  rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
  mesh.start_rollout(rollout);
  mesh.restart();
  mesh.run_for(std::chrono::seconds(10));
  for (int i = 0; i < 3; ++i) done("s" + std::to_string(i), "Off");
  EXPECT_EQ(mesh.rollout("p").status().state(), "done");
  EXPECT_EQ(agent.orders(), 3);
  mesh.must(Delete{"Rollout", "p", std::nullopt, {}});
  EXPECT_THAT(mesh.state().deployments, IsEmpty());
}

TEST_F(Power, FieldsOfOtherActionsAreRefused) {
  ready(1);
  const auto field_of = [&](const rest::Rollout& rollout) {
    const auto result = mesh.ask(Apply{rollout, std::nullopt});
    return result ? std::string("accepted") : result.error().field;
  };
  const auto with = [&](const auto& edit) {
    auto rollout = power("p");
    edit(*rollout.mutable_spec());
    return field_of(rollout);
  };
  EXPECT_EQ(with([](auto& s) { s.set_image("rocky"); }), "spec.image");
  EXPECT_EQ(with([](auto& s) { s.set_profile("base"); }), "spec.profile");
  EXPECT_EQ(with([](auto& s) { s.set_reinstall(true); }), "spec.reinstall");
  EXPECT_EQ(with([](auto& s) { s.set_powered_on("force"); }), "spec.poweredOn");
  EXPECT_EQ(with([](auto& s) { s.mutable_launch_within()->set_seconds(9); }), "spec.launchWithin");
  EXPECT_EQ(with([](auto& s) { s.mutable_stop_after()->set_after_wipe("1"); }), "spec.stopAfter.afterWipe");
  EXPECT_EQ(with([](auto& s) { s.mutable_stop_after()->set_before_wipe("1"); }), "spec.stopAfter.beforeWipe");
  EXPECT_EQ(with([](auto& s) { s.mutable_stop_after()->set_unproven("1"); }), "spec.stopAfter.unproven");
  EXPECT_EQ(with([](auto& s) { s.mutable_stop_after()->set_failed("x"); }), "spec.stopAfter.failed");
  EXPECT_EQ(with([](auto& s) { s.clear_power(); }), "spec.power.change");
  EXPECT_EQ(with([](auto& s) { s.mutable_power()->set_change("explode"); }), "spec.power.change");
  EXPECT_EQ(with([](auto& s) { s.mutable_power()->mutable_within()->set_seconds(-1); }), "spec.power.within");
  EXPECT_EQ(with([](auto& s) { s.set_action("dance"); }), "spec.action");
  EXPECT_EQ(with([](auto& s) { s.set_action("inspect"); }), "spec.power");
  auto install = Mesh::rollout_object("i");
  install.mutable_spec()->mutable_stop_after()->set_failed("3");
  EXPECT_EQ(field_of(install), "spec.stopAfter.failed");
  EXPECT_EQ(with([](auto& s) { s.mutable_stop_after()->set_failed("5%"); }), "accepted");
  EXPECT_EQ(mesh.rollout("p").spec().power().within().seconds(), 600);
}

}  // namespace
}  // namespace metalmesh::testing
