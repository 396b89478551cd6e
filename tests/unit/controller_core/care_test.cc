// What is ordered for BMCs alone: a doctor, a test of the way to a medium, housekeeping; and a site that looks at itself.
#include "tests/unit/controller_core/planned.h"

namespace metalmesh::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Care : Planned {
  static rest::Rollout care(const std::string& name, const std::string& action) {
    rest::Rollout rollout;
    rollout.mutable_metadata()->set_name(name);
    rollout.mutable_spec()->set_action(action);
    rollout.mutable_spec()->mutable_select()->add_sites("*");
    return rollout;
  }
  void ready(int count) {
    for (int i = 0; i < count; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  }
  static wire::Finding clock_is_wrong() {
    wire::Finding finding;
    finding.set_check("clock");
    finding.set_verdict(wire::Finding::WRONG);
    finding.set_found("it reads 2019");
    return finding;
  }
};

TEST_F(Care, ADoctorReadsAndWhatItFoundIsKeptWithItsDeployment) {
  ready(1);
  mesh.start_rollout(care("d", "doctor"));
  const auto order = agent.last_order("s0");
  ASSERT_TRUE(order);
  EXPECT_TRUE(order->agreed.has_doctor());
  EXPECT_EQ(order->issue.generation(), 0U) << "it only reads";
  wire::Event event;
  event.set_server("s0");
  event.set_deployment_id(order->issue.deployment_id());
  event.mutable_ended()->set_outcome(wire::Ended::SUCCEEDED);
  *event.mutable_ended()->add_findings() = clock_is_wrong();
  agent.report(event);
  const rest::Deployment& deployment = mesh.state().deployments.at(order->issue.deployment_id());
  EXPECT_EQ(deployment.state(), "SUCCEEDED") << "to find something is no failure";
  ASSERT_EQ(deployment.findings_size(), 1);
  EXPECT_EQ(deployment.findings(0).check(), "clock");
  EXPECT_EQ(mesh.rollout("d").status().state(), "done");
}

TEST_F(Care, ADoctorAsksWhoeverThereIs) {
  ready(1);
  mesh.apply(Mesh::server_object("new", "par1", 7));
  mesh.must(AdoptServer{"s0", "somebody's"});
  EXPECT_THAT(names(plan(care("d", "doctor"))), ElementsAre("new", "s0"));
}

TEST_F(Care, ATestOfTheWayTakesAGenerationAndSaysNothingOfTheDisk) {
  ready(1);
  rest::Rollout test = care("t", "mountTest");
  test.mutable_spec()->mutable_mount_test()->set_in_use(true);
  mesh.start_rollout(test);
  const auto order = agent.last_order("s0");
  ASSERT_TRUE(order);
  EXPECT_TRUE(order->agreed.mount_test().in_use());
  EXPECT_GT(order->issue.generation(), 0U);
  EXPECT_FALSE(order->issue.has_launch_by()) << "nothing is ever launched";
  const std::string phase = mesh.server("s0").status().phase();
  agent.accept("s0");
  wire::Event event = agent.about("s0");
  event.mutable_ended()->set_outcome(wire::Ended::SUCCEEDED);
  event.mutable_ended()->set_disk(wire::DISK_UNTOUCHED);
  agent.report(event);
  EXPECT_EQ(mesh.deployment_of("s0").disk(), wire::DISK_UNTOUCHED);
  EXPECT_EQ(mesh.server("s0").status().phase(), phase);
}

TEST_F(Care, NeitherIsOrderedBesideAnInstall) {
  ready(1);
  auto install = Mesh::rollout_object("i");
  install.mutable_spec()->mutable_select()->add_servers("s0");
  mesh.start_rollout(install);
  rest::Rollout eject = care("e", "bmc");
  eject.mutable_spec()->mutable_bmc()->set_deed("eject");
  EXPECT_EQ(reasons(plan(eject)).at("s0"), "OPEN_DEPLOYMENT");
  EXPECT_EQ(reasons(plan(care("t", "mountTest"))).at("s0"), "OPEN_DEPLOYMENT");
}

TEST_F(Care, EachDeedIsAgreedToAsItIsSpelled) {
  ready(1);
  rest::Rollout deed = care("b", "bmc");
  deed.mutable_spec()->mutable_bmc()->set_deed("endSessions");
  deed.mutable_spec()->mutable_bmc()->set_all(true);
  mesh.start_rollout(deed);
  const auto order = agent.last_order("s0");
  ASSERT_TRUE(order);
  EXPECT_EQ(order->agreed.housekeeping().deed(), wire::Housekeeping::END_SESSIONS);
  EXPECT_TRUE(order->agreed.housekeeping().all());
}

TEST_F(Care, ADeedThatThereIsNotIsRefusedWithThoseThereAre) {
  rest::Rollout deed = care("b", "bmc");
  deed.mutable_spec()->mutable_bmc()->set_deed("polish");
  const auto refused = mesh.ask(Apply{deed, std::nullopt});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "spec.bmc.deed");
  EXPECT_THAT(refused.error().message, HasSubstr("clearJobs, endSessions, eject, setClock"));
}

TEST_F(Care, ASiteIsAskedToLookAtItselfAndTheNewestQuestionCounts) {
  mesh.must(DiagnoseSite{"par1"});
  const auto asked = [&] { return mesh.state().sites.at("par1").status().doctor(); };
  const std::string first = asked().request_id();
  ASSERT_FALSE(first.empty());
  mesh.must(DiagnoseSite{"par1"});
  EXPECT_NE(asked().request_id(), first);
  const auto answer = [&](const std::string& id) {
    wire::Event event;
    event.mutable_site_diagnosed()->set_request_id(id);
    *event.mutable_site_diagnosed()->add_findings() = clock_is_wrong();
    agent.report(event);
  };
  answer(first);
  EXPECT_FALSE(asked().has_at()) << "an answer to an older question";
  answer(asked().request_id());
  ASSERT_TRUE(asked().has_at());
  EXPECT_EQ(asked().findings_size(), 1);
  EXPECT_TRUE(mesh.logged("1 of 1 checks found something"));
}

TEST_F(Care, OfASiteThatThereIsNotNothingIsAsked) {
  const auto refused = mesh.ask(DiagnoseSite{"nope"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace metalmesh::testing
