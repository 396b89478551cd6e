// Two controllers with one identity: what each of them makes of what an agent says about the other.
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

struct ForeignController : ::testing::Test {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");
  void SetUp() override {
    for (int i = 0; i < 2; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  }
  std::string ours() { return mesh.state().lives.current(); }
  void start(const std::string& server) {
    auto object = Mesh::rollout_object("r-" + server);
    object.mutable_spec()->mutable_select()->add_servers(server);
    mesh.start_rollout(object);
  }
};

TEST_F(ForeignController, TheOneThatIsFollowedHoldsAndNamesTheOther) {
  agent.about_controllers.set_controller_instance(ours());
  agent.about_controllers.set_controller_lives(true);
  agent.about_controllers.set_other_instance("feedfacecafe");
  agent.about_controllers.mutable_other_since()->set_seconds(1'772'488'800);
  mesh.run_for(std::chrono::seconds(3));
  ASSERT_TRUE(mesh.state().hold);
  EXPECT_EQ(mesh.state().hold->foreign_instance(), "feedfacecafe");
  EXPECT_THAT(mesh.state().hold->reason(),
              ::testing::AllOf(
                  ::testing::HasSubstr("another controller with our identity runs: instance feedfacecafe "
                                       "since 2026-03-02 22:00"),
                  ::testing::HasSubstr("at site par1")));
  const auto refused = mesh.ask(Apply{Mesh::rollout_object("r"), std::nullopt});
  ASSERT_TRUE(refused);
  mesh.must(PlanRollout{"r"});
  const auto plan = mesh.rollout("r").status().plan();
  EXPECT_FALSE(mesh.ask(StartRollout{"r", plan.digest(), static_cast<std::uint32_t>(plan.servers_size())}));

  // A person says: this one. The other one's commands are refused by its epoch from now on.
  const auto epoch = mesh.state().epoch;
  mesh.must(ContinueController{"the other one is a copy"});
  EXPECT_FALSE(mesh.state().hold);
  EXPECT_EQ(mesh.state().epoch, epoch + 1);
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_FALSE(mesh.state().hold) << "it was settled";
  EXPECT_EQ(agent.epoch, epoch + 1);
}

TEST_F(ForeignController, TheOneThatIsRefusedHoldsAndDoesNotOutbid) {
  start("s0");
  agent.accept("s0");
  agent.about_controllers.set_controller_instance("feedfacecafe");
  agent.about_controllers.set_controller_lives(true);
  agent.epoch = 9;  // a person chose that one
  const auto epoch = mesh.state().epoch;
  mesh.run_for(std::chrono::seconds(5));
  ASSERT_TRUE(mesh.state().hold);
  EXPECT_THAT(mesh.state().hold->reason(), ::testing::HasSubstr("which follows that one and refuses us"));
  EXPECT_EQ(mesh.state().epoch, epoch);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "RUNNING") << "what runs goes on";
  agent.about_controllers.set_controller_lives(false);  // the broker throws it off again and again
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_EQ(mesh.state().epoch, epoch) << "who is chosen stays chosen while he is silent";
  // Said here after all: above everything that was seen.
  mesh.must(ContinueController{"the other one is off"});
  EXPECT_EQ(mesh.state().epoch, 10U);
}

TEST_F(ForeignController, WhenTheOtherOneIsGoneARestoredOneGoesOnAsEver) {
  agent.about_controllers.set_controller_instance("feedfacecafe");
  agent.about_controllers.set_controller_lives(false);
  agent.epoch = 9;
  mesh.run_for(std::chrono::seconds(3));
  EXPECT_EQ(mesh.state().epoch, 10U) << "restored: above all that was seen";
  ASSERT_TRUE(mesh.state().hold);
  EXPECT_TRUE(mesh.state().hold->foreign_instance().empty());
}

TEST_F(ForeignController, ItsOwnEarlierLifeIsNoForeigner) {
  const std::string before = ours();
  agent.about_controllers.set_controller_instance(before);
  agent.about_controllers.set_controller_lives(true);
  mesh.restart();
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_FALSE(mesh.state().hold);
  EXPECT_NE(ours(), before);
  EXPECT_EQ(agent.welcome.instance(), ours());
  ASSERT_GT(agent.welcome.predecessors_size(), 0);
  EXPECT_EQ(agent.welcome.predecessors(agent.welcome.predecessors_size() - 1), before);
  // Nothing is handed out before the agent follows this life.
  start("s0");
  EXPECT_EQ(mesh.deployment_of("s0").state(), "PENDING");
  agent.about_controllers.set_controller_instance(ours());
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_EQ(mesh.deployment_of("s0").state(), "ISSUED");
  // And one that lives although it was succeeded is one.
  agent.about_controllers.set_other_instance(before);
  mesh.run_for(std::chrono::seconds(3));
  ASSERT_TRUE(mesh.state().hold);
  EXPECT_EQ(mesh.state().hold->foreign_instance(), before);
  // A person says there: that one. What it wrote since was never in this store, which is no older for that.
  const auto epoch = mesh.state().epoch;
  agent.about_controllers.clear_other_instance();
  agent.about_controllers.set_controller_instance(before);
  agent.about_controllers.set_ledger(before + "-999999");
  agent.epoch = 9;
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_EQ(mesh.state().epoch, epoch) << "who is chosen is not outbidden";
}

}  // namespace
}  // namespace metalmesh::testing
