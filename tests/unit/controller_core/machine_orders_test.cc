// What becomes of orders under way when a machine is protected, or its object edited.
#include "tests/unit/controller_core/machines.h"

namespace metalmesh::testing {
namespace {

TEST_F(Machines, ProtectingCallsBackWhatIsUnderWay) {
  struct Case {
    const char* name;
    std::function<void(const std::string&)> before;
    const char* reason;
    const char* words;
  };
  const std::vector<Case> cases = {
      {"s0", [](const auto&) {}, "NOT_CONFIRMED", "not fenced yet"},
      {"s1", [&](const std::string& s) { agent.accept(s); }, "NOT_CONFIRMED", "not fenced yet"},
      {"s2",
       [&](const std::string& s) {
         agent.accept(s);
         agent.launch(s);
       },
       "TOO_LATE", "too late"}};
  int number = 0;
  for (const Case& c : cases) {
    add(c.name, number++, "new");
    install(std::string("r-") + c.name, c.name);
    c.before(c.name);
    mesh.must(ProtectServer{c.name, true, "live after all", 0});
    const auto& conditions = mesh.server(c.name).status().conditions();
    const auto told = std::ranges::find(conditions, "Recalled", &rest::Condition::type);
    ASSERT_NE(told, conditions.end()) << c.name;
    EXPECT_EQ(told->reason(), c.reason);
    EXPECT_THAT(told->message(), ::testing::HasSubstr(c.words));
    EXPECT_TRUE(mesh.logged(told->message())) << "in the audit log, too";
    EXPECT_EQ(agent.last_cancel(c.name) != nullptr, std::string(c.reason) == "NOT_CONFIRMED");
  }
  wire::Event answer = agent.about("s1");
  answer.mutable_cancel()->set_answer(wire::CancelAnswer::CANCELLED);
  agent.report(answer);
  EXPECT_EQ(mesh.deployment_of("s1").state(), "CANCELLED");
  const auto& conditions = mesh.server("s1").status().conditions();
  EXPECT_EQ(std::ranges::find(conditions, "Recalled", &rest::Condition::type)->status(), "True");
}

TEST_F(Machines, WhatWasNotHandedOutEndsAtOnce) {
  add("s0", 0, "new");
  agent.cut = true;
  mesh.run_for(std::chrono::minutes(2));
  mesh.start_rollout(Mesh::rollout_object("first"));
  ASSERT_EQ(mesh.deployment_of("s0").state(), "PENDING");
  mesh.must(AdoptServer{"s0", "it is mine"});
  EXPECT_EQ(mesh.deployment_of("s0").state(), "CANCELLED");
}

TEST_F(Machines, AProtectedServersOrderIsCancelledOnceItsSiteTakesCommands) {
  add("s0", 0, "new");
  install("first", "s0");
  agent.accept("s0");
  wire::Data forged = agent.sent.back();
  forged.set_entries(0, "another truth");
  agent.publish("data", forged);
  mesh.must(ProtectServer{"s0", true, "live after all", 0});
  EXPECT_EQ(agent.last_cancel("s0"), nullptr) << "a quarantined site is told nothing";
  mesh.must(ClearSiteQuarantine{"par1", "a test forged it"});
  mesh.run_for(std::chrono::seconds(10));
  EXPECT_NE(agent.last_cancel("s0"), nullptr);
}

TEST_F(Machines, AnOrderOverALiftedProtectionOutlivesTheLift) {
  add("s0", 0, "new");
  mesh.must(ProtectServer{"s0", true, "live", 0});
  mesh.must(ProtectServer{"s0", false, "CHG-1", 30});
  install("first", "s0");
  mesh.run_for(std::chrono::seconds(40));
  EXPECT_EQ(agent.last_cancel("s0"), nullptr);
}

TEST_F(Machines, AnEditWhileItsOrderIsOpenIsRefused) {
  add("s0", 0, "new");
  install("first", "s0");
  const std::vector<std::pair<const char*, std::function<void(rest::ServerSpec&)>>> edits = {
      {"spec.hostname", [](rest::ServerSpec& s) { s.set_hostname("other"); }},
      {"spec.vars", [](rest::ServerSpec& s) { (*s.mutable_vars())["disk"] = "sdb"; }},
      {"spec.bmc", [](rest::ServerSpec& s) { s.mutable_bmc()->set_address("10.7.7.7"); }},
      {"spec.identity", [](rest::ServerSpec& s) { s.mutable_identity()->set_serial("OTHER123"); }},
      {"spec.host", [](rest::ServerSpec& s) { s.mutable_host()->set_domain("example.net"); }}};
  for (const auto& [field, edit] : edits) {
    auto object = Mesh::server_object("s0", "par1", 0);
    edit(*object.mutable_spec());
    const auto refused = mesh.ask(Apply{object, std::nullopt});
    ASSERT_FALSE(refused.has_value()) << field;
    EXPECT_EQ(refused.error().field, field);
    EXPECT_THAT(refused.error().next, ::testing::HasSubstr("metalmesh rollout stop first"));
  }
  auto labelled = Mesh::server_object("s0", "par1", 0);
  (*labelled.mutable_metadata()->mutable_labels())["role"] = "web";
  mesh.apply(labelled);
}

TEST_F(Machines, AnEditWhileItsOrderMayStillGoOnIsRefused) {
  add("s0", 0, "new");
  install("first", "s0");
  agent.accept("s0");
  auto edited = Mesh::server_object("s0", "par1", 0);
  (*edited.mutable_spec()->mutable_vars())["disk"] = "sdb";
  mesh.must(ResolveDeployment{"s0", "failed", "cannot wait"});
  const auto refused = mesh.ask(Apply{edited, std::nullopt});
  ASSERT_FALSE(refused.has_value()) << "nobody but the site can say that nothing of it starts";
  EXPECT_EQ(refused.error().field, "spec.vars");
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("not fenced yet"));
  agent.launch("s0");
  wire::Event end = agent.about("s0");
  end.mutable_ended()->set_outcome(wire::Ended::INDETERMINATE);
  end.mutable_ended()->set_disk(wire::DISK_UNKNOWN);
  end.mutable_ended()->set_medium_in(true);
  agent.report(end);
  const auto again = mesh.ask(Apply{edited, std::nullopt});
  ASSERT_FALSE(again.has_value()) << "its installer may run, and has its medium";
  EXPECT_THAT(again.error().message, ::testing::HasSubstr("its medium is kept in"));
  wire::Event released = agent.about("s0");
  released.mutable_released()->set_ground(wire::MediumReleased::HOST_OFF);
  agent.report(released);
  mesh.apply(edited);
}

}  // namespace
}  // namespace metalmesh::testing
