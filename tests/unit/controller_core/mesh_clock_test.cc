// The controller's own clock: its steps are noticed, told, and decide nothing.
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

using namespace std::chrono_literals;

constexpr Duration years = 24h * 3650;

struct Clock : ::testing::Test {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");
  Clock() { mesh.now.boot = 7; }
  void set(Duration by) {
    mesh.now.wall_low += by;
    mesh.now.wall_high += by;
  }
  void start(const std::string& server = "s") {
    mesh.add_ready(server, agent, 1);
    auto rollout = Mesh::rollout_object("r");
    rollout.mutable_spec()->mutable_start_within()->set_seconds(1800);
    mesh.start_rollout(rollout);
  }
  [[nodiscard]] std::string site_clock() const {
    for (const auto& condition : mesh.state().sites.at("par1").status().conditions()) {
      if (condition.type() == "Clock") return condition.reason();
    }
    return {};
  }
};

TEST(ClockStep, HoldsHandingOutIsToldAndEndsNothing) {
  for (const Duration step : {Duration(1h), Duration(-2h), years, -years}) {
    Mesh mesh;
    Puppet& site = mesh.bring_up("par1");
    mesh.add_ready("s", site, 1);
    const auto set = [&](Duration by) {
      mesh.now.wall_low += by;
      mesh.now.wall_high += by;
    };
    set(step);
    mesh.run_for(1s);
    mesh.start_rollout(Mesh::rollout_object("r"));
    mesh.run_for(3min);
    EXPECT_EQ(site.orders(), 0);
    EXPECT_EQ(mesh.deployment_of("s").state(), "PENDING");
    EXPECT_TRUE(mesh.logged("nothing is handed out until they agree"));
    EXPECT_FALSE(mesh.state().clock_doubt.empty());
    EXPECT_FALSE(site.welcome.has_clock()) << "sites are told no time that is not believed";
    set(-step);
    mesh.run_for(20s);
    EXPECT_EQ(site.orders(), 1);
    EXPECT_TRUE(mesh.logged("clock agrees again"));
    EXPECT_TRUE(site.welcome.has_clock());
  }
}

TEST_F(Clock, SitesShowWhoseClockItIs) {
  EXPECT_EQ(site_clock(), "");
  set(1h);
  mesh.run_for(2s);
  EXPECT_EQ(site_clock(), "CONTROLLER_CLOCK");
  set(-1h);
  mesh.run_for(2s);
  EXPECT_EQ(site_clock(), "OK");
  wire::Event event;
  *event.mutable_clock_doubted()->mutable_by() = to_wire(Duration(-90min));
  agent.report(event);
  EXPECT_EQ(site_clock(), "SITE_CLOCK");
  EXPECT_TRUE(mesh.logged("1 h 30 min behind"));
  mesh.restart();
  EXPECT_EQ(site_clock(), "SITE_CLOCK");
  event.mutable_clock_doubted()->set_over(true);
  agent.restart("again");
  mesh.run_for(10s);
  agent.report(event);
  EXPECT_EQ(site_clock(), "OK");
}

TEST_F(Clock, OneThatWasSetBackIsBelievedLaterAndGivesNobodyMoreTime) {
  start();
  agent.cut = true;
  mesh.must(ProtectServer{"s", false, "test", 3600});
  const auto until = from_wire(mesh.server("s").status().unprotected_until());
  set(-2h);
  mesh.run_for(11min);
  EXPECT_TRUE(mesh.state().clock_doubt.empty());
  EXPECT_TRUE(mesh.logged("is believed from now on"));
  EXPECT_LT(std::chrono::abs(mesh.state().clock_steps + 2h), 1s);
  EXPECT_LT(std::chrono::abs(from_wire(mesh.server("s").status().unprotected_until()) - (until - 2h)), 1s);
}

TEST_F(Clock, TheTimeThatIsBelievedAnewIsBelievedInTheNextLifeToo) {
  mesh.restart();  // as a machine that has a boot id
  mesh.run_for(30s);
  set(years);
  while (!mesh.logged("is believed from now on")) mesh.run_for(1s);
  mesh.restart();
  mesh.run_for(2s);
  EXPECT_TRUE(mesh.state().clock_doubt.empty()) << mesh.state().clock_doubt;
}

TEST_F(Clock, NobodyDecidesByTheNewTimeWithoutKnowingByHowMuchItWasSet) {
  mesh.run_for(1s);
  set(-3h);
  mesh.run_for(1s);
  start();
  mesh.must(ProtectServer{"s", false, "test", 3600});
  const auto until = from_wire(mesh.server("s").status().unprotected_until());
  mesh.run_for(9min + 55s);
  ASSERT_TRUE(!mesh.state().clock_doubt.empty());
  mesh.pass(30s);
  agent.hello();  // before the next tick
  EXPECT_TRUE(mesh.state().clock_doubt.empty());
  EXPECT_LT(std::chrono::abs(mesh.state().clock_steps + 3h), 1s);
  EXPECT_LT(std::chrono::abs(from_wire(mesh.server("s").status().unprotected_until()) - (until - 3h)), 1s);
}

TEST_F(Clock, WhatWasNotHandedOutExpiresByElapsedTime) {
  set(1h);
  mesh.run_for(1s);
  start();
  mesh.run_for(11min);  // set for good, and believed: only now it is handed out
  EXPECT_EQ(mesh.deployment_of("s").state(), "CANCELLED") << "an hour of its half may have passed";
  EXPECT_EQ(mesh.deployment_of("s").disk(), wire::DISK_UNTOUCHED);
}

TEST_F(Clock, ARestartDoesNotForgetTheTime) {
  mesh.restart();  // as a machine that has a boot id
  mesh.run_for(2s);
  set(1h);
  mesh.restart();
  EXPECT_FALSE(mesh.state().clock_doubt.empty());
  set(-1h);
  mesh.run_for(2s);
  EXPECT_TRUE(mesh.state().clock_doubt.empty());
}

TEST_F(Clock, AfterAStartOfTheMachineTimeMayHavePassedButDoesNotGoBack) {
  mesh.run_for(11min);
  ++mesh.now.boot;
  mesh.now.mono = MonoTime(10s);
  set(5h);
  mesh.restart();
  EXPECT_TRUE(mesh.state().clock_doubt.empty());
  mesh.run_for(11min);
  ++mesh.now.boot;
  mesh.now.mono = MonoTime(10s);
  set(-years);
  mesh.restart();
  EXPECT_FALSE(mesh.state().clock_doubt.empty());
}

}  // namespace
}  // namespace metalmesh::testing
