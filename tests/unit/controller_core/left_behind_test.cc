// An agent lost its data folder while it installed: what it may have left on its BMCs.
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

struct LeftBehind : ::testing::Test {
  Mesh mesh;
  Puppet* fresh = nullptr;
  std::string id;

  void SetUp() override {
    Puppet& agent = mesh.bring_up("par1");
    for (int i = 0; i < 2; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
    auto object = Mesh::rollout_object("r");
    object.mutable_spec()->mutable_select()->add_servers("s0");
    mesh.start_rollout(object);
    agent.accept("s0");
    agent.launch("s0");
    id = mesh.deployment_of("s0").id();
    mesh.agents["par1"] = std::make_unique<Puppet>(mesh, "par1", "journal-2");
    fresh = mesh.agents["par1"].get();
    mesh.run_for(std::chrono::seconds(130));
    ASSERT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
  }
  const wire::InspectServer* asked(const std::string& server) {
    const wire::InspectServer* last = nullptr;
    for (const auto& command : fresh->commands) {
      if (command.has_inspect_server() && command.inspect_server().server() == server)
        last = &command.inspect_server();
    }
    return last;
  }
  void answer(const std::vector<std::string>& ours, bool fault = false) {
    wire::Event event;
    event.set_server("s0");
    auto& seen = *event.mutable_inspected();
    seen = bmc_report(0);
    seen.set_request_id(asked("s0")->request_id());
    seen.set_looked_for_ours(!fault);
    for (const std::string& one : ours) seen.add_ours(one);
    if (fault) seen.mutable_fault()->set_code(wire::BMC_UNREACHABLE);
    if (fault) seen.mutable_fault()->set_seen("the BMC does not answer");
    fresh->report(event);
  }
};

TEST_F(LeftBehind, IsSoughtOnJustThoseBmcsAndKeptAsDebts) {
  ASSERT_NE(asked("s0"), nullptr);
  EXPECT_TRUE(asked("s0")->look_for_ours());
  EXPECT_FALSE(asked("s0")->take_ours_away());
  EXPECT_EQ(asked("s1"), nullptr) << "nothing was under way there";
  answer({"our medium https://192.0.2.7/m/x.iso is in slot Cd"});
  EXPECT_THAT(mesh.deployment_of("s0").debts(),
              ::testing::ElementsAre("our medium https://192.0.2.7/m/x.iso is in slot Cd"));
  EXPECT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
  EXPECT_TRUE(mesh.logged("left behind at s0: our medium https://192.0.2.7/m/x.iso is in slot Cd"));
  EXPECT_TRUE(mesh.logged("metalmesh server clean s0 --reason TEXT"));
}

TEST_F(LeftBehind, IsSoughtAlthoughAPersonLooksAtTheServerMeanwhile) {
  const std::string before = asked("s0")->request_id();
  mesh.must(InspectServer{"s0"});
  mesh.run_for(std::chrono::seconds(3));
  EXPECT_NE(asked("s0")->request_id(), before);
  EXPECT_TRUE(asked("s0")->look_for_ours());
}

TEST_F(LeftBehind, IsTakenAwayOnAPersonsWord) {
  answer({"our medium https://192.0.2.7/m/x.iso is in slot Cd"});
  EXPECT_FALSE(mesh.ask(CleanServer{"s0", ""}));
  EXPECT_FALSE(mesh.ask(CleanServer{"s1", "nothing there"})) << "nothing was ever ordered for it";
  mesh.must(CleanServer{"s0", "its console shows a prompt"});
  ASSERT_NE(asked("s0"), nullptr);
  EXPECT_TRUE(asked("s0")->take_ours_away());
  EXPECT_EQ(asked("s0")->expected().serial(), bmc_report(0).identity().serial());
  answer({});
  EXPECT_EQ(mesh.deployment_of("s0").debts_size(), 0);
  EXPECT_TRUE(mesh.logged("nothing of ours is left at s0"));
}

// Whoever worked on it was gone and inserts all the same; meanwhile the object was made anew, which has no deployment of its own.
TEST_F(LeftBehind, IsADebtOfWhoeverWorkedOnTheMachineAlthoughItsObjectIsAnotherOne) {
  answer({});
  mesh.must(Delete{"Server", "s0", std::nullopt, bmc_report(0).identity().serial()});
  mesh.apply(Mesh::server_object("s0", "par1", 0));
  mesh.run_for(std::chrono::seconds(3));
  answer({});
  ASSERT_TRUE(mesh.server("s0").status().deployment().empty());
  mesh.must(CleanServer{"s0", "its console shows a prompt"});
  mesh.run_for(std::chrono::seconds(3));
  answer({"our medium https://192.0.2.7/m/x.iso is in slot Cd"});
  EXPECT_EQ(mesh.state().deployments.at(id).debts_size(), 1);
  EXPECT_TRUE(mesh.logged("what is left at s0 all the same"));
}

TEST_F(LeftBehind, WhatCouldNotBeSeenIsADebtToo) {
  answer({}, true);
  ASSERT_EQ(mesh.deployment_of("s0").debts_size(), 1);
  EXPECT_THAT(mesh.deployment_of("s0").debts(0),
              ::testing::HasSubstr("is not known: BMC_UNREACHABLE: the BMC does not answer"));
}

TEST_F(LeftBehind, WhileAJobIsAtWorkItCleansUpItself) {
  mesh.must(ResolveDeployment{id, "failed", "looked"});
  auto object = Mesh::rollout_object("r1");
  object.mutable_spec()->mutable_select()->add_servers("s1");
  mesh.start_rollout(object);
  const auto refused = mesh.ask(CleanServer{"s1", "why not"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("cleans up itself"));
}

}  // namespace
}  // namespace metalmesh::testing
