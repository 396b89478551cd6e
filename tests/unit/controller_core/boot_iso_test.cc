// Orders that start machines from any image, once: who takes part, and that nothing of them is ever said of a disk.
#include "tests/unit/controller_core/planned.h"

namespace metalmesh::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct BootIso : Planned {
  static rest::Rollout boot(const std::string& name, bool in_use = false) {
    rest::Rollout rollout;
    rollout.mutable_metadata()->set_name(name);
    auto& spec = *rollout.mutable_spec();
    spec.set_action("bootIso");
    spec.mutable_select()->add_sites("*");
    spec.set_image("rocky");
    spec.set_powered_on("force");
    spec.mutable_boot_iso()->set_in_use(in_use);
    spec.mutable_boot_iso()->set_afterwards("off");
    spec.mutable_stop_after()->set_no_canary(true);
    return rollout;
  }
  void ready(int count) {
    for (int i = 0; i < count; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  }
  [[nodiscard]] std::string facts(const std::string& server) const {
    const rest::ServerStatus& status = mesh.server(server).status();
    return status.phase() + "|" + status.holds() + "|" + status.use() + "|" +
           (status.protected_() ? "protected" : "") + "|" + std::to_string(status.unresolved_size());
  }
};

TEST_F(BootIso, ItIsAnOrderOfItsOwn) {
  ready(1);
  mesh.start_rollout(boot("b"));
  const auto order = agent.last_order("s0");
  ASSERT_TRUE(order);
  const wire::BootIso& agreed = order->agreed.boot_iso();
  EXPECT_EQ(agreed.image().name(), "rocky");
  EXPECT_EQ(agreed.power(), wire::FORCE);
  EXPECT_EQ(agreed.max_run().seconds(), 4 * 3600) << "by default";
  EXPECT_EQ(agreed.afterwards(), wire::BootIso::SWITCH_OFF);
  EXPECT_GT(order->issue.generation(), 0U);
  EXPECT_FALSE(order->issue.image_urls().empty());
  EXPECT_TRUE(order->issue.has_launch_by());
  EXPECT_EQ(mesh.deployment_of("s0").action(), "bootIso");
}

TEST_F(BootIso, WhoIsInUseTakesPartOnlyWhenThatIsSaidAndTheManifestsWordIsAboveIt) {
  ready(4);
  auto installed = Mesh::rollout_object("i");
  installed.mutable_spec()->mutable_select()->add_servers("s0");
  mesh.start_rollout(installed);
  agent.succeed("s0");
  mesh.must(AdoptServer{"s1", "somebody's"});
  rest::Server kept;
  kept.mutable_metadata()->set_name("s2");
  *kept.mutable_spec() = mesh.server("s2").spec();
  kept.mutable_spec()->set_protected_(true);
  mesh.apply(kept);
  const rest::Plan shy = plan(boot("shy"));
  EXPECT_THAT(names(shy), ElementsAre("s3"));
  EXPECT_EQ(reasons(shy), (std::map<std::string, std::string>{
                              {"s0", "PROTECTED"}, {"s1", "PROTECTED"}, {"s2", "PROTECTED"}}));
  EXPECT_THAT(shy.excluded(0).message(), HasSubstr("metalmesh boot-iso rocky s0 --in-use"));
  const rest::Plan bold = plan(boot("bold", true));
  EXPECT_THAT(names(bold), ElementsAre("s0", "s1", "s3"));
  EXPECT_THAT(bold.warnings(),
              ElementsAre("what is booted can write disks; in use or protected: 2 of the 3 servers"));
}

TEST_F(BootIso, NothingOfItIsSaidOfADisk) {
  ready(1);
  const std::string before = facts("s0");
  mesh.start_rollout(boot("b"));
  agent.accept("s0");
  agent.launch("s0");
  EXPECT_EQ(facts("s0"), before) << "while it runs";
  wire::Event ended = agent.about("s0");
  ended.mutable_ended()->set_outcome(wire::Ended::SUCCEEDED);
  ended.mutable_ended()->set_disk(wire::DISK_UNKNOWN);
  agent.report(ended);
  EXPECT_EQ(facts("s0"), before);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "SUCCEEDED");
  EXPECT_EQ(mesh.deployment_of("s0").disk(), wire::DISK_STATE_UNSPECIFIED);
}

TEST_F(BootIso, ACancelAfterTheLaunchEndsIt) {
  ready(1);
  mesh.start_rollout(boot("b"));
  agent.accept("s0");
  agent.launch("s0");
  mesh.must(CancelDeployment{"s0", "seen enough"});
  agent.answer_cancel("s0", wire::CancelAnswer::TOO_LATE);
  EXPECT_EQ(mesh.deployment_of("s0").note(), "it is being ended, as asked");
  wire::Event ended = agent.about("s0");
  ended.mutable_ended()->set_outcome(wire::Ended::SUCCEEDED);
  agent.report(ended);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "SUCCEEDED");
}

TEST_F(BootIso, WhatCannotBeMeantIsRefusedByField) {
  ready(1);
  const auto refused = [&](const rest::Rollout& rollout) {
    const auto result = mesh.ask(Apply{rollout, std::nullopt});
    return result ? std::string("accepted") : result.error().field;
  };
  rest::Rollout none = boot("none");
  none.mutable_spec()->clear_image();
  EXPECT_EQ(refused(none), "spec.image");
  rest::Rollout strange = boot("strange");
  strange.mutable_spec()->mutable_boot_iso()->set_afterwards("explode");
  EXPECT_EQ(refused(strange), "spec.bootIso.afterwards");
  rest::Rollout answered = boot("answered");
  answered.mutable_spec()->set_profile("base");
  EXPECT_EQ(refused(answered), "spec.profile");
}

}  // namespace
}  // namespace metalmesh::testing
