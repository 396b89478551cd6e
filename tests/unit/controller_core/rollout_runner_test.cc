// Pace, thresholds, canary, abort and the cancel handshake, sites that fall silent, restarts in the middle.
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

struct Runner : ::testing::Test {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");
  void servers(int count) {
    for (int i = 0; i < count; ++i) mesh.add_ready(name(i), agent, i);
  }
  static std::string name(int i) { return "s" + std::string(i < 10 ? "0" : "") + std::to_string(i); }
  [[nodiscard]] std::uint32_t count(const std::string& state) const {
    const auto& counts = mesh.rollout("r").status().counts();
    const auto found = counts.find(state);
    return found == counts.end() ? 0 : found->second;
  }
  static rest::Rollout plain() {
    auto rollout = Mesh::rollout_object("r");
    rollout.mutable_spec()->mutable_stop_after()->set_no_canary(true);
    return rollout;
  }
};

TEST_F(Runner, HandsOutNoMoreThanMayRun) {
  servers(6);
  Puppet& other = mesh.bring_up("lyo1");
  for (int i = 6; i < 10; ++i) mesh.add_ready(name(i), other, i);
  auto rollout = plain();
  rollout.mutable_spec()->mutable_parallel()->set_per_site(2);
  rollout.mutable_spec()->mutable_parallel()->set_total(3);
  mesh.start_rollout(rollout);
  EXPECT_EQ(agent.orders(), 2);
  EXPECT_EQ(other.orders(), 1);
  agent.succeed(name(0));
  EXPECT_EQ(agent.orders() + other.orders(), 4);
  EXPECT_EQ(count("PENDING"), 6U);
  EXPECT_EQ(count("ISSUED"), 3U);
}

TEST_F(Runner, TheCanaryGoesFirstAndStopsTheRest) {
  servers(11);
  mesh.start_rollout(Mesh::rollout_object("r"));
  EXPECT_EQ(agent.orders(), 1);
  mesh.run_for(std::chrono::seconds(3));
  EXPECT_EQ(agent.orders(), 1);
  agent.accept(name(0));
  agent.end(name(0), wire::Ended::FAILED, wire::DISK_UNTOUCHED, wire::LICENCE_MISSING);
  EXPECT_EQ(mesh.rollout("r").status().state(), "stopped");
  EXPECT_EQ(agent.orders(), 1);
  EXPECT_NE(mesh.rollout("r").status().stop_reason().find("canary"), std::string::npos);
}

TEST_F(Runner, AGoodCanaryLetsTheRestGo) {
  servers(11);
  mesh.start_rollout(Mesh::rollout_object("r"));
  agent.succeed(name(0));
  EXPECT_EQ(agent.orders(), 11);
}

TEST_F(Runner, WhatAPersonCallsFailedCountsAsAfterTheWipeUntilTheSiteSaysOtherwise) {
  servers(3);
  auto rollout = plain();
  rollout.mutable_spec()->mutable_parallel()->set_total(1);
  rollout.mutable_spec()->mutable_stop_after()->set_after_wipe("1");
  mesh.start_rollout(rollout);
  agent.accept(name(0));
  agent.cut = true;
  mesh.must(ResolveDeployment{name(0), "failed", "cannot wait"});
  EXPECT_EQ(mesh.rollout("r").status().state(), "stopped");
  EXPECT_THAT(mesh.rollout("r").status().stop_reason(), ::testing::HasSubstr("after the wipe"));
}

TEST_F(Runner, ThreeFailuresAfterTheWipeStopNewStarts) {
  servers(8);
  auto rollout = plain();
  rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
  mesh.start_rollout(rollout);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(mesh.rollout("r").status().state(), "running");
    agent.accept(name(i));
    agent.launch(name(i));
    agent.end(name(i), wire::Ended::FAILED, wire::DISK_BEING_WRITTEN, wire::INSTALLER_STALLED);
  }
  EXPECT_EQ(mesh.rollout("r").status().state(), "stopped");
  EXPECT_EQ(agent.orders(), 3);
  mesh.must(StopRollout{"r", "enough"});
  EXPECT_EQ(mesh.rollout("r").status().state(), "done");
  EXPECT_EQ(count("CANCELLED"), 5U);
  EXPECT_EQ(mesh.server(name(7)).status().phase(), "ready");
}

TEST_F(Runner, BeforeTheWipeMoreFailuresAreBorne) {
  servers(14);
  auto rollout = plain();
  rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
  mesh.start_rollout(rollout);
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(mesh.rollout("r").status().state(), "running") << i;
    agent.end(name(i), wire::Ended::FAILED, wire::DISK_UNTOUCHED, wire::BMC_UNREACHABLE);
  }
  EXPECT_EQ(mesh.rollout("r").status().state(), "stopped");
}

TEST_F(Runner, OwnThresholdsCount) {
  servers(4);
  auto rollout = plain();
  rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
  rollout.mutable_spec()->mutable_stop_after()->set_before_wipe("25%");
  mesh.start_rollout(rollout);
  agent.end(name(0), wire::Ended::FAILED, wire::DISK_UNTOUCHED, wire::BMC_UNREACHABLE);
  EXPECT_EQ(mesh.rollout("r").status().state(), "stopped");
}

TEST_F(Runner, ASecondEndThatAgreesStillTellsWhatIsLeftBehind) {
  servers(1);
  mesh.start_rollout(plain());
  agent.end(name(0), wire::Ended::FAILED, wire::DISK_UNTOUCHED, wire::BMC_UNREACHABLE);
  wire::Event late = agent.about(name(0));
  late.mutable_ended()->set_outcome(wire::Ended::FAILED);
  late.mutable_ended()->add_debts("media inserted in slot 1");
  agent.report(late);
  EXPECT_EQ(mesh.deployment_of(name(0)).state(), "FAILED");
  ASSERT_EQ(mesh.deployment_of(name(0)).debts_size(), 1);
  EXPECT_EQ(mesh.deployment_of(name(0)).debts(0), "media inserted in slot 1");
}

TEST_F(Runner, AbortIsAHandshake) {
  servers(4);
  auto rollout = plain();
  rollout.mutable_spec()->mutable_parallel()->set_per_site(3);
  mesh.start_rollout(rollout);
  agent.accept(name(0));
  agent.launch(name(0));
  agent.accept(name(1));
  mesh.must(StopRollout{"r", "wrong image"});
  EXPECT_EQ(mesh.deployment_of(name(0)).state(), "RUNNING") << "launched: it finishes";
  EXPECT_EQ(agent.last_cancel(name(0)), nullptr);
  EXPECT_EQ(mesh.deployment_of(name(1)).state(), "CANCELLING");
  EXPECT_EQ(mesh.deployment_of(name(2)).state(), "CANCELLING");
  EXPECT_EQ(mesh.deployment_of(name(3)).state(), "CANCELLED") << "never handed out";
  ASSERT_NE(agent.last_cancel(name(1)), nullptr);
  EXPECT_EQ(agent.last_cancel(name(1))->generation(), agent.last_order(name(1))->issue.generation());
  mesh.run_for(std::chrono::minutes(10));
  EXPECT_EQ(mesh.deployment_of(name(1)).state(), "CANCELLING") << "time answers nothing";

  wire::Event answer = agent.about(name(1));
  answer.mutable_cancel()->set_answer(wire::CancelAnswer::CANCELLED);
  agent.report(answer);
  EXPECT_EQ(mesh.deployment_of(name(1)).state(), "CANCELLED");
  EXPECT_EQ(mesh.server(name(1)).status().phase(), "ready");
  wire::Event cleaned = agent.about(name(1));
  cleaned.mutable_ended()->set_outcome(wire::Ended::CANCELLED);
  cleaned.mutable_ended()->add_debts("media inserted in slot 1");
  agent.report(cleaned);
  EXPECT_EQ(mesh.deployment_of(name(1)).debts(0), "media inserted in slot 1");
  answer = agent.about(name(2));
  answer.mutable_cancel()->set_answer(wire::CancelAnswer::TOO_LATE);
  agent.report(answer);
  EXPECT_EQ(mesh.deployment_of(name(2)).state(), "RUNNING");
  mesh.run_for(std::chrono::seconds(3));
  EXPECT_EQ(mesh.deployment_of(name(2)).state(), "RUNNING") << "not asked twice";
  EXPECT_EQ(mesh.rollout("r").status().state(), "stopping");
  agent.end(name(0), wire::Ended::SUCCEEDED);
  agent.end(name(2), wire::Ended::SUCCEEDED);
  EXPECT_EQ(mesh.rollout("r").status().state(), "done");
}

TEST_F(Runner, NotRunningMeansCancelledUnlessItWasLaunched) {
  servers(1);
  mesh.start_rollout(plain());
  mesh.must(StopRollout{"r", ""});
  wire::Event answer = agent.about(name(0));
  answer.mutable_cancel()->set_answer(wire::CancelAnswer::NOT_RUNNING);
  agent.report(answer);
  EXPECT_EQ(mesh.deployment_of(name(0)).state(), "CANCELLED");
}

TEST_F(Runner, ResolvingAnOpenDeploymentFencesIt) {
  servers(1);
  mesh.start_rollout(plain());
  agent.accept(name(0));
  const std::string id = mesh.deployment_of(name(0)).id();
  mesh.must(ResolveDeployment{id, "failed", "rack is gone"});
  ASSERT_NE(agent.last_cancel(name(0)), nullptr);
  EXPECT_EQ(mesh.deployment_of(name(0)).state(), "FAILED");
  EXPECT_EQ(mesh.deployment_of(name(0)).fence(), "owed");
}

TEST_F(Runner, ASilentSiteGetsNothingNew) {
  servers(2);
  auto rollout = plain();
  rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
  mesh.start_rollout(rollout);
  agent.cut = true;
  mesh.run_for(std::chrono::seconds(90));
  EXPECT_FALSE(mesh.state().sites.at("par1").status().connected());
  EXPECT_TRUE(mesh.logged("site par1 is silent"));
  // The end of the first was journalled during the cut; the second is handed out only after the site is
  // heard.
  wire::Event end = agent.about(name(0));
  end.mutable_ended()->set_outcome(wire::Ended::SUCCEEDED);
  agent.report(end);
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_EQ(count("PENDING"), 1U);
  agent.cut = false;
  agent.up->rewind();
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_EQ(count("PENDING"), 0U);
  EXPECT_EQ(agent.orders(), 2);
}

TEST_F(Runner, WhatWasNotHandedOutInTimeEndsUntouched) {
  servers(2);
  auto rollout = plain();
  rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
  rollout.mutable_spec()->mutable_start_within()->set_seconds(60);
  mesh.start_rollout(rollout);
  mesh.run_for(std::chrono::seconds(70));
  EXPECT_EQ(mesh.deployment_of(name(1)).state(), "CANCELLED");
  EXPECT_EQ(mesh.deployment_of(name(1)).fault().code(), wire::ORDER_EXPIRED);
  EXPECT_EQ(mesh.deployment_of(name(0)).state(), "ISSUED") << "a timeout never invents a result";
}

TEST_F(Runner, AServerThatIsProtectedMeanwhileIsNotHandedOut) {
  servers(2);
  auto rollout = plain();
  rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
  mesh.start_rollout(rollout);
  mesh.must(ProtectServer{name(1), true, "in service", 0});
  agent.succeed(name(0));
  EXPECT_EQ(agent.orders(), 1);
  EXPECT_EQ(mesh.deployment_of(name(1)).state(), "CANCELLED");
}

/// The same story with and without a restart after every input leaves the same rows.
TEST(Restart, InTheMiddleEqualsGoingOn) {
  const auto play = [](bool restarts) {
    Mesh mesh;
    Puppet& agent = mesh.bring_up("par1");
    const auto pause = [&] {
      if (restarts) mesh.restart();
      mesh.run_for(std::chrono::seconds(6));
    };
    for (int i = 0; i < 3; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
    auto rollout = Mesh::rollout_object("r");
    rollout.mutable_spec()->mutable_parallel()->set_per_site(2);
    mesh.start_rollout(rollout);
    pause();
    agent.accept("s0");
    pause();
    agent.launch("s0");
    pause();
    agent.end("s0", wire::Ended::SUCCEEDED);
    pause();
    agent.succeed("s1");
    pause();
    mesh.must(StopRollout{"r", "late"});
    pause();
    wire::Event answer = agent.about("s2");
    answer.mutable_cancel()->set_answer(wire::CancelAnswer::CANCELLED);
    agent.report(answer);
    pause();
    std::map<std::string, std::string> summary;
    for (const auto& [id, deployment] : mesh.state().deployments) {
      summary[deployment.server()] = deployment.state() + " " + std::to_string(deployment.generation()) +
                                     " " + mesh.server(deployment.server()).status().phase();
    }
    summary["rollout"] = mesh.rollout("r").status().state();
    summary["orders"] = std::to_string(agent.orders());
    return summary;
  };
  const auto plain = play(false);
  EXPECT_EQ(plain.at("s0"), "SUCCEEDED 1 installed");
  EXPECT_EQ(plain.at("s2"), "CANCELLED 1 ready");
  EXPECT_EQ(plain.at("rollout"), "done");
  EXPECT_EQ(play(true), plain);
}

}  // namespace
}  // namespace metalmesh::testing
