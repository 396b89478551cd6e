// Ceilings of starts across rollouts, what failed in a burst, and what people see of both.
#include "controller/core/start_pace.h"

#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

struct StartPace : ::testing::Test {
  StartPace() {
    mesh.limits.pace.per_site = 4;
    mesh.limits.pace.per_actor = 3;
    mesh.start();
    mesh.run_for(2s);
    mesh.token = "3fa9c1d20000";
    mesh.actor = "ops";
  }
  void servers(int count) {
    for (int i = 0; i < count; ++i) mesh.add_ready(name(i), agent, i);
  }
  static std::string name(int i) { return "s" + std::to_string(i); }
  /// A rollout of one server.
  void start_one(int i, const std::string& profile = "base") {
    auto rollout = of_one(i, profile);
    mesh.start_rollout(std::move(rollout));
  }
  static rest::Rollout of_one(int i, const std::string& profile = "base") {
    auto rollout = Mesh::rollout_object("r" + std::to_string(i));
    auto& spec = *rollout.mutable_spec();
    spec.clear_select();
    spec.mutable_select()->add_servers(name(i));
    spec.set_profile(profile);
    spec.mutable_parallel()->set_per_site(100);
    return rollout;
  }
  void fail_behind_wipe(int i) {
    agent.accept(name(i));
    agent.launch(name(i));
    agent.end(name(i), wire::Ended::FAILED, wire::DISK_BEING_WRITTEN, wire::INSTALLER_STALLED);
  }
  [[nodiscard]] std::string state(int i) const { return mesh.deployment_of(name(i)).state(); }
  [[nodiscard]] rest::StartPaceList shown() const { return paces_shown(mesh.state(), mesh.now); }
  /// As a person of another name.
  OperatorResult as(const std::string& actor, decltype(OperatorRequest::body) body) {
    const std::string before = std::exchange(mesh.actor, actor);
    auto result = mesh.ask(std::move(body));
    mesh.actor = before;
    return result;
  }
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");
};

TEST_F(StartPace, ManyRolloutsOfOneAreOne) {
  servers(6);
  for (int i = 0; i < 5; ++i) start_one(i);
  EXPECT_EQ(agent.orders(), 3);
  EXPECT_EQ(state(3), "PENDING");
  EXPECT_THAT(mesh.rollout("r3").status().paced(), HasSubstr("3 starts an hour by ops"));
  EXPECT_TRUE(mesh.logged("rollout r3 waits"));
  // Another person comes to the ceiling of the site.
  mesh.actor = "bea";
  start_one(5);
  EXPECT_EQ(agent.orders(), 4);
  mesh.run_for(2s);
  EXPECT_THAT(mesh.rollout("r3").status().paced(), HasSubstr("ops"));
  mesh.pass(59min);
  mesh.run_for(2s);
  EXPECT_EQ(agent.orders(), 4) << "it is never less than an hour";
  mesh.pass(3min);
  mesh.run_for(3s);
  EXPECT_EQ(agent.orders(), 6);
  EXPECT_EQ(mesh.rollout("r3").status().paced(), "");
}

TEST_F(StartPace, NeitherARestartNorADeletedRolloutForgets) {
  servers(4);
  for (int i = 0; i < 3; ++i) {
    start_one(i);
    agent.succeed(name(i));
    mesh.must(Delete{"Rollout", "r" + std::to_string(i), std::nullopt});
  }
  mesh.restart();
  mesh.run_for(3s);
  start_one(3);
  mesh.run_for(3s);
  EXPECT_EQ(agent.orders(), 3);
  EXPECT_EQ(shown().items(0).starts(), 3U);
}

TEST_F(StartPace, APlanSaysHowMuchLonger) {
  servers(4);
  start_one(0);
  auto rollout = Mesh::rollout_object("r");
  rollout.mutable_spec()->clear_select();
  for (int i = 1; i < 4; ++i) rollout.mutable_spec()->mutable_select()->add_servers(name(i));
  mesh.apply(rollout);
  mesh.must(PlanRollout{"r"});
  const auto& warnings = mesh.rollout("r").status().plan().warnings();
  ASSERT_EQ(warnings.size(), 1) << "the site has room for them";
  EXPECT_EQ(warnings[0], "3 > 3/h by ops, 1 of them taken: +61 min");
  // Beyond several hours.
  EXPECT_THAT(pace_warnings(mesh.state(), mesh.now, "new", {{"par1", 9}}, 1h),
              ElementsAre(HasSubstr("9 > 3/h by new: +122 min, which is longer than startWithin"),
                          HasSubstr("9 > 4/h at par1, 1 of them taken: +122 min")));
}

TEST_F(StartPace, AnApproverWidensForATimeAndNobodyForHerself) {
  servers(6);
  for (int i = 0; i < 5; ++i) start_one(i);
  const WidenPace wider{"actor", "ops", 10, 3600, "move of hall 2"};
  EXPECT_EQ(as("ops", wider).error().kind, ErrorKind::denied);
  EXPECT_EQ(as("ann", WidenPace{"actor", "ops", 2, 0, "r"}).error().field, "perHour") << "it only widens";
  ASSERT_TRUE(as("ann", wider));
  mesh.run_for(2s);
  EXPECT_EQ(agent.orders(), 4) << "the site's is as it was";
  ASSERT_TRUE(as("ann", WidenPace{"site", "par1", 10, 60, "r"}));
  mesh.run_for(2s);
  EXPECT_EQ(agent.orders(), 5);
  mesh.restart();
  mesh.run_for(2s);
  EXPECT_EQ(shown().items(0).per_hour(), 10U);
  mesh.pass(2min);
  mesh.run_for(2s);
  start_one(5);
  mesh.run_for(2s);
  EXPECT_EQ(agent.orders(), 5) << "the minute is over";
}

struct Burst : StartPace {
  Burst() {
    mesh.limits.pace = {};
    mesh.start();
    mesh.run_for(2s);
  }
};

TEST_F(Burst, AfterTheThirdFailureBehindTheWipeTheRestIsRecalledAndRefused) {
  servers(30);
  mesh.apply(Mesh::profile("other"));
  for (int i = 0; i < 20; ++i) {
    auto rollout = of_one(i);
    rollout.mutable_spec()->mutable_parallel()->set_per_site(8);
    mesh.start_rollout(rollout);
  }
  EXPECT_EQ(agent.orders(), 8);
  fail_behind_wipe(0);
  fail_behind_wipe(1);
  EXPECT_EQ(agent.orders(), 10);
  EXPECT_EQ(state(19), "PENDING");
  fail_behind_wipe(2);
  EXPECT_EQ(agent.orders(), 10);
  EXPECT_EQ(mesh.state().deployments.size(), 20U);
  for (const auto& [id, deployment] : mesh.state().deployments) EXPECT_NE(deployment.state(), "PENDING");
  const std::string why = mesh.rollout("r19").status().stop_reason();
  EXPECT_THAT(why, HasSubstr("started by ops with token 3fa9c1d20000"));
  EXPECT_THAT(why, HasSubstr("INSTALLER_STALLED"));
  EXPECT_THAT(why, HasSubstr("s0, s1, s2"));
  EXPECT_EQ(mesh.rollout("r19").status().state(), "done");

  mesh.apply(of_one(20));
  mesh.must(PlanRollout{"r20"});
  const auto start = [&](const std::string& rollout) {
    return mesh.ask(StartRollout{rollout, mesh.rollout(rollout).status().plan().digest(), 1});
  };
  const auto refused = start("r20");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("with token 3fa9c1d20000"));
  // A restart forgets it as little as the deletion of what failed.
  mesh.must(Delete{"Rollout", "r0", std::nullopt});
  mesh.restart();
  mesh.run_for(2s);
  EXPECT_FALSE(start("r20"));
  // Another profile, and another person, are something else.
  start_one(21, "other");
  mesh.actor = "bea";
  start_one(22);
  mesh.actor = "ops";
  ASSERT_TRUE(as("ann", WidenPace{"actor", "ops", 0, 0, "the mirror was down"}));
  EXPECT_TRUE(start("r20"));
}

TEST_F(Burst, WhoTriesOneAfterTheOtherIsNone) {
  servers(6);
  for (int i = 0; i < 5; ++i) {
    start_one(i);
    fail_behind_wipe(i);
  }
  start_one(5);
  EXPECT_EQ(agent.orders(), 6);
  EXPECT_EQ(mesh.rollout("r5").status().state(), "running");
}

}  // namespace
}  // namespace metalmesh::testing
