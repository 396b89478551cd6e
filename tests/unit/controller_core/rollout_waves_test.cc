// Waves and what lies between them: who is in which, and when the next one begins.
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

struct Waves : ::testing::Test {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");

  void servers(int count) {
    for (int i = 0; i < count; ++i) mesh.add_ready(name(i), agent, i);
  }
  static std::string name(int i) { return "s" + std::string(i < 10 ? "0" : "") + std::to_string(i); }
  static rest::Rollout object() {
    auto rollout = Mesh::rollout_object("r");
    rollout.mutable_spec()->mutable_parallel()->set_per_site(50);
    return rollout;
  }
  static rest::RolloutWave& add(rest::Rollout& rollout, std::uint32_t servers) {
    rest::RolloutWave& wave = *rollout.mutable_spec()->add_waves();
    wave.set_servers(servers);
    return wave;
  }
  [[nodiscard]] const rest::RolloutStatus& status() const { return mesh.rollout("r").status(); }
  [[nodiscard]] std::string state() const { return status().state(); }
  void fail(int i) {
    agent.accept(name(i));
    agent.end(name(i), wire::Ended::FAILED, wire::DISK_UNTOUCHED, wire::LICENCE_MISSING);
  }
  void fail_after_wipe(int i) {
    agent.accept(name(i));
    agent.launch(name(i));
    agent.end(name(i), wire::Ended::FAILED, wire::DISK_BEING_WRITTEN, wire::INSTALLER_STALLED);
  }
  Refusal refused(decltype(OperatorRequest::body) body) {
    const auto result = mesh.ask(std::move(body));
    EXPECT_FALSE(result.has_value());
    return result ? Refusal() : result.error();
  }
  std::vector<std::uint32_t> sizes(const rest::Rollout& rollout) {
    mesh.apply(rollout);
    mesh.must(PlanRollout{"r"});
    std::vector<std::uint32_t> out;
    for (const auto& wave : status().plan().waves()) out.push_back(wave.servers());
    return out;
  }
};

TEST_F(Waves, GoOneAfterTheOther) {
  servers(7);
  auto rollout = object();
  add(rollout, 1);
  rollout.mutable_spec()->add_waves()->set_percent(40);
  mesh.start_rollout(rollout);
  EXPECT_EQ(agent.orders(), 1);
  agent.succeed(name(0));
  EXPECT_EQ(agent.orders(), 4) << "40 % of seven";
  EXPECT_EQ(status().wave(), 2U);
  for (int i = 1; i < 3; ++i) agent.succeed(name(i));
  EXPECT_EQ(agent.orders(), 4) << "one of the wave is still at work";
  agent.succeed(name(3));
  EXPECT_EQ(agent.orders(), 7) << "who is in none of them is the last";
  ASSERT_EQ(status().waves_size(), 3);
  EXPECT_EQ(status().waves(0).name(), "canary");
  EXPECT_EQ(status().waves(1).succeeded(), 3U);
  EXPECT_EQ(status().waves(2).open(), 3U);
  EXPECT_TRUE(mesh.logged("wave 3 (rest) begins with 3 servers"));
}

TEST_F(Waves, TakeByNumberShareSiteAndType) {
  servers(4);
  Puppet& other = mesh.bring_up("lyo1");
  for (int i = 4; i < 8; ++i) mesh.add_ready(name(i), other, i);
  auto rollout = object();
  add(rollout, 1).add_sites("lyo*");
  rollout.mutable_spec()->add_waves()->add_sites("lyo1");
  rollout.mutable_spec()->add_waves()->set_percent(25);
  EXPECT_THAT(sizes(rollout), ElementsAre(1, 3, 2, 2));
  EXPECT_EQ(status().plan().servers(0).name(), name(4)) << "the order is that of the waves";
  rollout.mutable_spec()->clear_waves();
  rollout.mutable_spec()->add_waves()->add_hardware_types("no-such-type");
  EXPECT_THAT(sizes(rollout), ElementsAre(0, 8));
  EXPECT_THAT(status().plan().warnings(), ::testing::Contains(HasSubstr("wave 1 (canary) has no server")));
  mesh.must(StartRollout{"r", status().plan().digest(), 8});
  EXPECT_EQ(agent.orders() + other.orders(), 8);
}

TEST_F(Waves, WrongOnesAreRefused) {
  servers(1);
  const auto field = [&](const rest::Rollout& rollout) {
    return refused(Apply{rollout, std::nullopt}).field;
  };
  auto twice = object();
  add(twice, 1).set_percent(3);
  EXPECT_EQ(field(twice), "spec.waves[0]");
  auto nothing_left = object();
  nothing_left.mutable_spec()->add_waves();
  add(nothing_left, 1);
  EXPECT_EQ(field(nothing_left), "spec.waves[0]");
  auto no_canary = object();
  add(no_canary, 1);
  no_canary.mutable_spec()->mutable_stop_after()->set_no_canary(true);
  EXPECT_EQ(field(no_canary), "spec.stopAfter.noCanary");
  auto health = object();
  add(health, 1).mutable_gate()->set_health("few");
  EXPECT_EQ(field(health), "spec.waves[0].gate.health");
  auto names = object();
  add(names, 1).set_name("ten");
  add(names, 1).set_name("ten");
  EXPECT_EQ(field(names), "spec.waves[1].name");
}

TEST_F(Waves, TheCanaryIsOneThatAnswers) {
  servers(12);
  agent.bmcs[name(0)].mutable_fault()->set_code(wire::BMC_UNREACHABLE);
  mesh.must(InspectServer{name(0)});
  agent.answer_inspections();
  mesh.run_for(1s);
  EXPECT_THAT(sizes(object()), ElementsAre(1, 11));
  EXPECT_EQ(status().plan().servers(0).name(), name(1));
  EXPECT_EQ(status().plan().waves(0).gate(), "all of it succeeded");
  // Whoever answers by now, what was confirmed is started.
  agent.bmcs[name(0)] = bmc_report(0);
  agent.bmcs[name(1)].mutable_fault()->set_code(wire::BMC_UNREACHABLE);
  for (const int i : {0, 1}) mesh.must(InspectServer{name(i)});
  agent.answer_inspections();
  mesh.run_for(1s);
  mesh.must(StartRollout{"r", status().plan().digest(), 12});
  ASSERT_EQ(agent.orders(), 1);
  EXPECT_TRUE(agent.last_order(name(1)));
}

TEST_F(Waves, TheUsualCanaryIsOneOfEachTypeWhereverItStands) {
  for (const auto& [type, model] : {std::pair("first", "R1"), std::pair("second", "R2")}) {
    rest::HardwareType made;
    made.mutable_metadata()->set_name(type);
    made.mutable_spec()->set_manufacturer("Acme");
    made.mutable_spec()->set_model(model);
    mesh.apply(made);
  }
  Puppet& other = mesh.bring_up("lyo1");
  // Of par1, s00 to s05, one is of the second type; of lyo1, s06 to s11, half.
  for (int i = 0; i < 12; ++i) {
    Puppet& site = i < 6 ? agent : other;
    mesh.add_ready(name(i), site, i);
    if (i != 5 && (i < 6 || i % 2 == 0)) continue;
    site.bmcs[name(i)].set_model("R2");
    mesh.must(InspectServer{name(i)});
    site.answer_inspections();
  }
  mesh.run_for(1s);
  const auto canaries = [&] {
    std::vector<std::string> out;
    for (const auto& server : status().plan().servers()) {
      if (server.wave() == 1) out.push_back(server.name());
    }
    return out;
  };
  EXPECT_THAT(sizes(object()), ElementsAre(2, 10)) << "one per type, not per site and type";
  EXPECT_THAT(canaries(), ElementsAre(name(0), name(5)));
  auto two_each = object();
  two_each.mutable_spec()->add_waves()->set_per_type(2);
  EXPECT_THAT(sizes(two_each), ElementsAre(4, 8));
  EXPECT_THAT(canaries(), ElementsAre(name(0), name(1), name(5), name(7)));
  // Who wants them per site says so: a wave names its sites.
  auto by_site = object();
  for (const char* site : {"par1", "lyo1"}) {
    rest::RolloutWave& wave = *by_site.mutable_spec()->add_waves();
    wave.set_per_type(1);
    wave.add_sites(site);
  }
  EXPECT_THAT(sizes(by_site), ElementsAre(2, 2, 8));
}

TEST_F(Waves, AStaleStartSaysWhatChanged) {
  servers(4);
  mesh.apply(object());
  mesh.must(PlanRollout{"r"});
  const rest::Plan plan = status().plan();
  mesh.must(ProtectServer{name(2), true, "live", 0});
  mesh.add_ready(name(4), agent, 4);
  const Refusal stale = refused(StartRollout{"r", plan.digest(), 4});
  EXPECT_EQ(stale.kind, ErrorKind::conflict);
  EXPECT_THAT(stale.message,
              HasSubstr("s02 (PROTECTED) would not take part any more; s04 would take part, too"));
  EXPECT_EQ(agent.orders(), 0);
}

TEST_F(Waves, ASoakIsWaitedFor) {
  servers(3);
  auto rollout = object();
  add(rollout, 1).mutable_gate()->mutable_soak()->set_seconds(600);
  mesh.start_rollout(rollout);
  agent.succeed(name(0));
  mesh.run_for(9min);
  EXPECT_EQ(agent.orders(), 1);
  EXPECT_THAT(status().waits(), HasSubstr("wave 1 (canary) has ended and soaks until"));
  mesh.restart();
  mesh.run_for(2min);
  EXPECT_EQ(agent.orders(), 3);
  EXPECT_EQ(status().waits(), "");
}

TEST_F(Waves, APersonLetsTheNextOneBegin) {
  servers(3);
  auto rollout = object();
  add(rollout, 1).mutable_gate()->set_person(true);
  mesh.start_rollout(rollout);
  EXPECT_THAT(refused(ContinueRollout{"r", 2, 2}).message, HasSubstr("goes on by itself"));
  agent.succeed(name(0));
  mesh.run_for(5min);
  EXPECT_EQ(agent.orders(), 1);
  EXPECT_THAT(status().waits(), HasSubstr("metalmesh rollout continue r --wave 2 --confirm 2"));
  const Refusal other_wave = refused(ContinueRollout{"r", 1, 2});
  EXPECT_EQ(other_wave.kind, ErrorKind::conflict);
  EXPECT_EQ(other_wave.message, "you named wave 1, and wave 2 (rest) is next, of which 2 servers wait");
  EXPECT_EQ(other_wave.next, "metalmesh rollout continue r --wave 2 --confirm 2");
  EXPECT_EQ(refused(ContinueRollout{"r", 2, 3}).message,
            "you confirmed 3 servers, and wave 2 (rest) is next, of which 2 servers wait");
  EXPECT_EQ(agent.orders(), 1);
  mesh.must(ContinueRollout{"r", 2, 2});
  EXPECT_EQ(agent.orders(), 3);
  EXPECT_EQ(status().waves(0).continued_by(), "ann");
}

TEST_F(Waves, WhoAcceptsFailuresHasLetTheNextOneBegin) {
  servers(3);
  auto rollout = object();
  add(rollout, 1).mutable_gate()->set_person(true);
  mesh.start_rollout(rollout);
  fail(0);
  EXPECT_EQ(state(), "stopped");
  mesh.must(ContinueRollout{"r", 2, 2, 1, "it is in repair"});
  EXPECT_EQ(agent.orders(), 3);
}

TEST_F(Waves, HealthSaysHowManyMayNotSucceed) {
  servers(6);
  auto rollout = object();
  add(rollout, 1);
  add(rollout, 3).mutable_gate()->set_health("1");
  mesh.start_rollout(rollout);
  agent.succeed(name(0));
  fail(1);
  agent.succeed(name(2));
  EXPECT_EQ(state(), "running");
  fail(3);
  EXPECT_EQ(state(), "stopped");
  EXPECT_EQ(status().stop_reason(), "2 of wave 2 (wave-2) did not succeed (at most 1 may not)");
  EXPECT_EQ(agent.orders(), 4);
}

TEST_F(Waves, AWaveHasThresholdsOfItsOwn) {
  servers(16);
  auto rollout = object();
  rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
  rollout.mutable_spec()->mutable_stop_after()->set_before_wipe("50%");
  rollout.mutable_spec()->mutable_stop_after()->set_minimum(2);
  add(rollout, 12);
  mesh.start_rollout(rollout);
  for (int i = 0; i < 12; ++i) agent.succeed(name(i));
  fail(12);
  EXPECT_EQ(state(), "running");
  fail(13);
  EXPECT_EQ(state(), "stopped");
  EXPECT_EQ(status().stop_reason(), "2 of wave 2 (rest) failed before the wipe (stop at 1)");
}

TEST_F(Waves, SharesAreOfWhatHasEnded) {
  servers(20);
  auto rollout = object();
  rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
  rollout.mutable_spec()->mutable_stop_after()->set_no_canary(true);
  rollout.mutable_spec()->mutable_stop_after()->set_before_wipe("20%");
  rollout.mutable_spec()->mutable_stop_after()->set_minimum(5);
  mesh.start_rollout(rollout);
  fail(0);
  for (int i = 1; i < 4; ++i) agent.succeed(name(i));
  EXPECT_EQ(state(), "running") << "four have ended";
  agent.succeed(name(4));
  EXPECT_EQ(state(), "stopped") << "one of five is 20 %, whatever 20 % of twenty is";
}

TEST_F(Waves, APauseStartsNoMore) {
  servers(3);
  auto rollout = object();
  rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
  mesh.start_rollout(rollout);
  mesh.must(PauseRollout{"r", "dinner"});
  EXPECT_EQ(state(), "paused");
  EXPECT_EQ(status().stop_reason(), "paused by ann: dinner");
  agent.succeed(name(0));
  mesh.run_for(1min);
  EXPECT_EQ(agent.orders(), 1);
  mesh.restart();
  mesh.run_for(1min);
  EXPECT_EQ(state(), "paused");
  mesh.must(PauseRollout{"r", "again"});
  EXPECT_THAT(refused(ContinueRollout{"r", 1, 3}).message, HasSubstr("of which 2 servers wait"));
  mesh.must(ContinueRollout{"r", 1, 2});
  EXPECT_EQ(state(), "running");
  mesh.run_for(1min);
  EXPECT_EQ(agent.orders(), 2);
}

TEST_F(Waves, APausedRolloutThatNobodyContinuesEnds) {
  servers(2);
  auto rollout = object();
  rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
  rollout.mutable_spec()->mutable_start_within()->set_seconds(600);
  mesh.start_rollout(rollout);
  mesh.must(PauseRollout{"r", "dinner"});
  agent.succeed(name(0));
  mesh.run_for(11min);
  EXPECT_EQ(state(), "done");
  EXPECT_EQ(mesh.deployment_of(name(1)).fault().code(), wire::ORDER_EXPIRED);
}

TEST_F(Waves, WhatFailedIsAcceptedByNumber) {
  servers(14);
  mesh.start_rollout(object());
  fail(0);
  EXPECT_EQ(state(), "stopped");
  EXPECT_THAT(status().waits(),
              HasSubstr("metalmesh rollout continue r --wave 2 --confirm 13 --accept-failures 1"));
  EXPECT_THAT(refused(ContinueRollout{"r", 2, 13}).message,
              HasSubstr("1 servers did not succeed (1 of the canary did not succeed), and you accept 0"));
  EXPECT_EQ(agent.orders(), 1);
  mesh.must(ContinueRollout{"r", 2, 13, 1, "it has no licence"});
  EXPECT_EQ(state(), "running");
  EXPECT_EQ(agent.orders(), 14);
  for (int i = 1; i < 3; ++i) fail_after_wipe(i);
  EXPECT_EQ(state(), "running");
  fail_after_wipe(3);
  EXPECT_EQ(state(), "stopped") << "what was accepted does not make up for others";
}

TEST_F(Waves, WhoIsSkippedIsNoFailure) {
  servers(12);
  auto rollout = object();
  add(rollout, 2);
  mesh.start_rollout(rollout);
  agent.accept(name(1));
  mesh.must(SkipServers{"r", {name(1), name(11)}, {}, "in repair"});
  EXPECT_EQ(mesh.deployment_of(name(11)).state(), "CANCELLED");
  EXPECT_TRUE(mesh.deployment_of(name(11)).skipped());
  EXPECT_EQ(mesh.deployment_of(name(1)).state(), "CANCELLING");
  agent.answer_cancel(name(1), wire::CancelAnswer::CANCELLED);
  agent.succeed(name(0));
  EXPECT_EQ(state(), "running");
  EXPECT_EQ(agent.orders(), 11) << "the canary that is left was enough";
  EXPECT_EQ(status().waves(0).skipped(), 1U);
  EXPECT_EQ(status().waves(0).missed(), 0U);
  EXPECT_THAT(refused(SkipServers{"r", {name(11)}, {}, "again"}).message, HasSubstr("none of them is open"));
}

TEST_F(Waves, ACanaryThatWasSkippedShowsNothing) {
  servers(12);
  mesh.start_rollout(object());
  mesh.must(SkipServers{"r", {name(0)}, {}, "in repair"});
  agent.answer_cancel(name(0), wire::CancelAnswer::NOT_RUNNING);
  mesh.run_for(1min);
  EXPECT_EQ(agent.orders(), 1);
  EXPECT_THAT(status().waits(), HasSubstr("0 of 1 succeeded, which shows nothing; a person lets wave 2"));
  mesh.must(ContinueRollout{"r", 2, 11});
  EXPECT_EQ(agent.orders(), 12);
}

TEST_F(Waves, AWaveThatWasSkippedBeforeItBeganKeepsItsGate) {
  servers(4);
  auto rollout = object();
  add(rollout, 1);
  add(rollout, 1).mutable_gate()->mutable_soak()->set_seconds(600);
  mesh.start_rollout(rollout);
  mesh.must(SkipServers{"r", {name(1)}, {}, "in repair"});
  agent.succeed(name(0));
  mesh.run_for(5min);
  EXPECT_EQ(agent.orders(), 1) << "the rest waits for the soak of the second wave";
  mesh.run_for(6min);
  EXPECT_EQ(agent.orders(), 1);
  EXPECT_THAT(status().waits(), HasSubstr("0 of 1 succeeded, which shows nothing; a person lets wave 3"));
  mesh.must(ContinueRollout{"r", 3, 2});
  EXPECT_EQ(agent.orders(), 3);
}

TEST_F(Waves, LimitsAreSetWhileItRuns) {
  servers(4);
  auto rollout = object();
  rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
  rollout.mutable_spec()->mutable_start_within()->set_seconds(600);
  mesh.start_rollout(rollout);
  const WallTime started = from_wire(status().started());
  mesh.must(SetRollout{"r", started + 1h, 0, 0, "more time"});
  mesh.run_for(20min);
  EXPECT_EQ(mesh.deployment_of(name(1)).state(), "PENDING");
  mesh.must(SetRollout{"r", std::nullopt, 0, 2, ""});
  EXPECT_EQ(agent.orders(), 2);
  EXPECT_EQ(from_wire(agent.last_order(name(1))->issue.start_by()), started + 1h);
  mesh.must(SetRollout{"r", started + 30min, 0, 0, "and less"});
  mesh.run_for(15min);
  EXPECT_EQ(mesh.deployment_of(name(2)).fault().code(), wire::ORDER_EXPIRED);
  EXPECT_EQ(refused(SetRollout{"r", started, 0, 0, ""}).field, "until");
}

TEST_F(Waves, AnEndThatIsDisprovedHoldsTheNextWave) {
  servers(3);
  auto rollout = object();
  add(rollout, 1).mutable_gate()->mutable_soak()->set_seconds(600);
  mesh.start_rollout(rollout);
  agent.accept(name(0));
  agent.cut = true;
  mesh.must(ResolveDeployment{name(0), "succeeded", "I saw it"});
  mesh.run_for(5min);
  EXPECT_THAT(status().waits(), HasSubstr("soaks until"));
  EXPECT_EQ(status().waves(0).succeeded(), 1U);
}

TEST_F(Waves, AStoppedRolloutSaysWhoGoesOn) {
  servers(4);
  mesh.start_rollout(object());
  agent.accept(name(0));
  agent.launch(name(0));
  agent.accept(name(1));
  mesh.must(StopRollout{"r", "wrong image"});
  EXPECT_EQ(status().waits(), "1 goes on, 3 called back");
  EXPECT_EQ(status().stop_reason(), "stopped by a person: wrong image");
  agent.cut = true;
  mesh.run_for(3min);
  EXPECT_THAT(status().waits(), HasSubstr("1 goes on, 3 unreachable until "));
}

}  // namespace
}  // namespace metalmesh::testing
