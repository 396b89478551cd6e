// What each event changes, and that a stale, foreign or unknown one changes nothing.
#include "controller/core/deployment_machine.h"
#include "controller/state/deployment_states.h"
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

struct Fold : ::testing::Test {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");
  void SetUp() override {
    mesh.add_ready("s0", agent, 0);
    mesh.start_rollout(Mesh::rollout_object("r"));
  }
  [[nodiscard]] const rest::Deployment& deployment() const { return mesh.deployment_of("s0"); }
};

TEST_F(Fold, IssuedThenRunningThenSucceededThenProtected) {
  EXPECT_EQ(deployment().state(), "ISSUED");
  EXPECT_EQ(mesh.server("s0").status().phase(), "installing");
  agent.accept("s0");
  EXPECT_EQ(deployment().state(), "RUNNING");
  wire::Event stage = agent.about("s0");
  stage.mutable_stage()->set_stage(wire::INSERT);
  agent.report(stage);
  EXPECT_EQ(deployment().stage(), wire::INSERT);
  agent.launch("s0");
  EXPECT_TRUE(deployment().launched());
  EXPECT_EQ(deployment().disk(), wire::DISK_BEING_WRITTEN);
  wire::Sample sample;
  sample.set_deployment_id(deployment().id());
  sample.set_percent(38);
  const auto rows = mesh.store.rows();
  agent.publish("sample", sample);
  EXPECT_EQ(deployment().percent(), 39U) << "the installer has from 10 to 88";
  EXPECT_EQ(mesh.store.rows(), rows) << "samples are not rows";
  agent.end("s0", wire::Ended::SUCCEEDED);
  EXPECT_EQ(deployment().state(), "SUCCEEDED");
  EXPECT_EQ(deployment().proof(), wire::PROOF_BOOTED);
  const auto& status = mesh.server("s0").status();
  EXPECT_EQ(status.phase(), "installed");
  EXPECT_TRUE(status.protected_());
  EXPECT_EQ(status.installed().image(), "rocky");
  EXPECT_EQ(status.installed().profile(), "base@1");
  EXPECT_EQ(status.installed().image_sha256(), mesh.state().images.at("rocky").spec().iso().sha256())
      << "whatever that name means later";
  EXPECT_EQ(status.installed().profile_sha256(), mesh.state().profile_blobs.at("base@1"));
  EXPECT_EQ(status.installed().proof(), "booted");
  EXPECT_EQ(mesh.rollout("r").status().state(), "done");
  EXPECT_EQ(mesh.rollout("r").status().counts().at("SUCCEEDED"), 1U);
}

TEST_F(Fold, AnEarlierInstallForetellsTheEndAndWhatIsRead) {
  const WallTime start = mesh.now.wall();
  const auto minute = [&](int count) { return to_wire(start + std::chrono::minutes(count)); };
  const auto install = [&](const std::string& server, int begin) {
    agent.accept(server);
    wire::Event event = agent.about(server);
    event.mutable_stage()->set_stage(wire::CONNECT);
    *event.mutable_at() = minute(begin);
    agent.report(event);
    event.mutable_launched();
    *event.mutable_at() = minute(begin + 2);
    agent.report(event);
  };
  const auto sample = [&](const std::string& server, std::uint64_t bytes) {
    wire::Sample read;
    read.set_deployment_id(mesh.deployment_of(server).id());
    read.set_bytes_read(bytes);
    read.set_media_size(4'000'000'000);
    read.set_package_bytes(7);
    agent.publish("sample", read);
  };
  const auto end = [&](const std::string& server, int at) {
    wire::Event event = agent.about(server);
    *event.mutable_at() = minute(at);
    event.mutable_ended()->set_outcome(wire::Ended::SUCCEEDED);
    agent.report(event);
  };
  install("s0", 0);
  sample("s0", 1'000'000'000);
  EXPECT_EQ(deployment().percent(), 29U);
  EXPECT_EQ(deployment().package_bytes(), 7U);
  EXPECT_FALSE(deployment().has_eta()) << "nobody knows";
  end("s0", 12);
  EXPECT_EQ(deployment().percent(), 100U);
  EXPECT_EQ(deployment().ran().seconds(), 600);

  const auto check = [&](const std::string& server, const std::string& rollout, int begin) {
    mesh.add_ready(server, agent, begin);
    auto next = Mesh::rollout_object(rollout);
    next.mutable_spec()->mutable_select()->clear_sites();
    next.mutable_spec()->mutable_select()->add_servers(server);
    mesh.start_rollout(next);
    const rest::PlanMedia& media = mesh.rollout(rollout).status().plan().media();
    EXPECT_EQ(media.expected_bytes(), 1'000'000'000U);
    EXPECT_EQ(media.expected().seconds(), 600);
    EXPECT_THAT(media.summary(), ::testing::HasSubstr("about 1.0 GB"));
    EXPECT_THAT(media.summary(), ::testing::HasSubstr("10 min after its launch: the earlier install"));
    const Duration later = from_wire(minute(begin)) - mesh.now.wall();
    mesh.now.wall_low += later;
    mesh.now.wall_high += later;
    install(server, begin);
    EXPECT_EQ(mesh.deployment_of(server).eta().seconds(), minute(begin + 12).seconds());
    EXPECT_EQ(mesh.deployment_of(server).eta_from(), 1U);
  };
  check("s1", "again", 20);
  mesh.restart();
  mesh.run_for(std::chrono::seconds(8));
  check("s2", "after-a-restart", 40);
}

TEST_F(Fold, RefusedBeforeAnythingIsBackToReady) {
  wire::Event refusal = agent.about("s0");
  refusal.mutable_receipt()->set_accepted(false);
  refusal.mutable_receipt()->mutable_refusal()->set_code(wire::IDENTITY_INSUFFICIENT);
  agent.report(refusal);
  EXPECT_EQ(deployment().state(), "FAILED");
  EXPECT_EQ(deployment().disk(), wire::DISK_UNTOUCHED);
  EXPECT_EQ(mesh.server("s0").status().phase(), "ready");
}

TEST_F(Fold, FailuresBeforeAndAfterTheWipeDiffer) {
  agent.accept("s0");
  agent.end("s0", wire::Ended::FAILED, wire::DISK_UNTOUCHED, wire::BMC_UNREACHABLE);
  EXPECT_EQ(mesh.server("s0").status().phase(), "ready");
  mesh.start_rollout(Mesh::rollout_object("r2"));
  EXPECT_EQ(agent.last_order("s0")->issue.generation(), 2U) << "generations rise with every order";
  agent.accept("s0");
  agent.launch("s0");
  agent.end("s0", wire::Ended::FAILED, wire::DISK_BEING_WRITTEN, wire::INSTALLER_STALLED);
  EXPECT_EQ(mesh.server("s0").status().phase(), "failed");
  EXPECT_TRUE(mesh.logged("INSTALLER_STALLED"));
}

TEST_F(Fold, UnprovenAndIndeterminateWaitForAPerson) {
  agent.accept("s0");
  agent.launch("s0");
  agent.end("s0", wire::Ended::UNPROVEN);
  EXPECT_EQ(mesh.server("s0").status().phase(), "unproven");
  const std::string id = deployment().id();
  EXPECT_EQ(mesh.ask(ResolveDeployment{id, "succeeded", ""}).error().field, "note");
  EXPECT_EQ(mesh.ask(ResolveDeployment{id, "fine", "x"}).error().field, "as");
  EXPECT_EQ(mesh.ask(ResolveDeployment{id, "cancelled", "x"}).error().field, "as");
  mesh.must(ResolveDeployment{id, "succeeded", "seen on the console"});
  EXPECT_EQ(deployment().state(), "SUCCEEDED");
  EXPECT_EQ(deployment().resolved_by(), "ann");
  EXPECT_EQ(deployment().resolved_from(), "UNPROVEN");
  EXPECT_EQ(mesh.server("s0").status().phase(), "installed");
  EXPECT_EQ(mesh.server("s0").status().installed().image(), "rocky");
  EXPECT_EQ(mesh.ask(ResolveDeployment{id, "failed", "again"}).error().kind, ErrorKind::conflict);
}

TEST_F(Fold, AnEndIsFinal) {
  agent.accept("s0");
  agent.launch("s0");
  agent.end("s0", wire::Ended::SUCCEEDED);
  agent.end("s0", wire::Ended::FAILED, wire::DISK_BEING_WRITTEN, wire::INSTALLER_STALLED);
  EXPECT_EQ(deployment().state(), "SUCCEEDED");
  EXPECT_EQ(mesh.server("s0").status().phase(), "installed");
}

TEST_F(Fold, AReplayedFrameIsFoldedOnce) {
  agent.accept("s0");
  agent.launch("s0");
  const auto before = mesh.state().last_event;
  for (const wire::Data& data : std::vector<wire::Data>(agent.sent)) agent.publish("data", data);
  EXPECT_EQ(mesh.state().last_event, before);
}

TEST_F(Fold, AnotherSiteMayNotSpeakOfThisServer) {
  Puppet& other = mesh.bring_up("lyo1");
  wire::Event lie = agent.about("s0");
  lie.mutable_ended()->set_outcome(wire::Ended::SUCCEEDED);
  other.report(lie);
  EXPECT_EQ(deployment().state(), "ISSUED");
  wire::Event seen;
  seen.set_server("s0");
  *seen.mutable_inspected() = bmc_report(9);
  other.report(seen);
  EXPECT_EQ(mesh.server("s0").status().seen().serial(), bmc_report(0).identity().serial());
}

TEST_F(Fold, AnOlderGenerationChangesNothing) {
  wire::Event old = agent.about("s0");
  old.set_generation(0);
  old.mutable_ended()->set_outcome(wire::Ended::FAILED);
  agent.report(old);
  EXPECT_EQ(deployment().state(), "ISSUED");
}

TEST_F(Fold, UnknownEventsAdvanceTheStream) {
  wire::Event nothing;
  nothing.set_server("s0");
  const auto cursor = mesh.state().sites.at("par1").status().events_received();
  agent.report(nothing);
  agent.accept("s0");
  EXPECT_EQ(mesh.state().sites.at("par1").status().events_received(), cursor + 2);
  EXPECT_EQ(deployment().state(), "RUNNING");
}

TEST_F(Fold, CredentialsImagesHoldsAndRetriesShow) {
  wire::Event held;
  held.mutable_credential_held()->set_credential("bmc");
  held.mutable_credential_held()->set_refusals(3);
  held.mutable_credential_held()->set_jobs_held(11);
  held.mutable_credential_held()->add_bmcs("10.0.0.1");
  agent.report(held);
  EXPECT_TRUE(mesh.state().credentials.at("bmc").status().held());
  EXPECT_THAT(mesh.state().credentials.at("bmc").status().bmcs(), ::testing::ElementsAre("10.0.0.1"));
  wire::Event released;
  released.mutable_credential_released()->set_credential("bmc");
  agent.report(released);
  EXPECT_FALSE(mesh.state().credentials.at("bmc").status().held());
  EXPECT_TRUE(mesh.state().credentials.at("bmc").status().bmcs().empty());
  wire::Event image;
  image.mutable_image()->set_sha256(std::string(64, '1'));
  image.mutable_image()->set_ready(true);
  agent.report(image);
  EXPECT_THAT(mesh.state().images.at("rocky").status().ready_at(), ::testing::ElementsAre("par1"));
  wire::Event retry = agent.about("s0");
  retry.mutable_retry()->set_attempt(2);
  agent.report(retry);
  EXPECT_EQ(deployment().attempt(), 2U);
  wire::Event waits = agent.about("s0");
  waits.mutable_held()->mutable_fault()->set_code(wire::CLOCK_UNPROVEN);
  agent.report(waits);
  EXPECT_NE(deployment().note().find("CLOCK_UNPROVEN"), std::string::npos);
}

TEST_F(Fold, InspectionsThatFailedForWantOfAPasswordAreAskedAgainWhenItComes) {
  agent.bmcs["s1"].mutable_fault()->set_code(wire::CREDENTIAL_MISSING);
  agent.bmcs["s2"].mutable_fault()->set_code(wire::BMC_UNREACHABLE);
  mesh.apply(Mesh::server_object("s1", "par1", 1));
  mesh.apply(Mesh::server_object("s2", "par1", 2));
  agent.answer_inspections();
  EXPECT_EQ(mesh.server("s1").status().phase(), "registered");
  agent.bmcs["s1"] = bmc_report(1);
  agent.bmcs["s2"] = bmc_report(2);
  wire::Event released;
  released.mutable_credential_released()->set_credential("bmc");
  agent.report(released);
  agent.answer_inspections();
  EXPECT_EQ(mesh.server("s1").status().phase(), "ready");
  EXPECT_EQ(mesh.server("s2").status().phase(), "registered") << "that one has another cause";
}

TEST_F(Fold, AnInspectionThatFailsTheSameWayAgainIsSeen) {
  agent.bmcs["s1"].mutable_fault()->set_code(wire::BMC_UNREACHABLE);
  mesh.apply(Mesh::server_object("s1", "par1", 1));
  agent.answer_inspections();
  const auto reachable = [&] {
    const auto& conditions = mesh.server("s1").status().conditions();
    return *std::ranges::find(conditions, "Reachable", &rest::Condition::type);
  };
  const auto first = reachable().at();
  mesh.pass(std::chrono::seconds(5));
  mesh.must(InspectServer{"s1"});
  agent.answer_inspections();
  EXPECT_EQ(reachable().reason(), "BMC_UNREACHABLE");
  EXPECT_GT(reachable().at().seconds(), first.seconds());
}

TEST(DeploymentMachine, EndsAreFinalAndTimeIsNoHappening) {
  for (const auto end :
       {states::succeeded, states::unproven, states::failed, states::cancelled, states::indeterminate}) {
    for (int what = 0; what <= static_cast<int>(Happening::indeterminate); ++what) {
      EXPECT_FALSE(next_state(end, static_cast<Happening>(what)).has_value()) << end << " " << what;
    }
  }
  EXPECT_EQ(next_state(states::cancelling, Happening::progressed), std::nullopt);
  EXPECT_EQ(next_state(states::cancelling, Happening::cancel_late), states::running);
  // Only of a controller that was restored: it may have handed it out.
  EXPECT_EQ(next_state(states::pending, Happening::lost), states::indeterminate);
}

}  // namespace
}  // namespace metalmesh::testing
