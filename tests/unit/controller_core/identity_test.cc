// From registered to ready: what an inspection must show, and what a person must accept.
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

std::string condition(const rest::Server& server, const std::string& type) {
  for (const auto& one : server.status().conditions()) {
    if (one.type() == type) return one.status() + " " + one.reason() + ": " + one.message();
  }
  return {};
}

struct Identity : ::testing::Test {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");
  void add(const rest::Server& server, wire::Inspected seen) {
    agent.bmcs[server.metadata().name()] = std::move(seen);
    mesh.apply(server);
    agent.answer_inspections();
  }
};

TEST_F(Identity, TwoMatchingFieldsAreReadyAndPinTheKey) {
  add(Mesh::server_object("s0", "par1", 0), bmc_report(0));
  EXPECT_EQ(mesh.server("s0").status().phase(), "ready");
  EXPECT_EQ(mesh.server("s0").status().pinned_key_sha256(), agent.key);
  EXPECT_EQ(mesh.server("s0").status().model(), "R1");
}

TEST_F(Identity, OneFieldWaitsForAPerson) {
  auto server = Mesh::server_object("s0", "par1", 0);
  server.mutable_spec()->mutable_identity()->clear_uuid();
  add(server, bmc_report(0));
  EXPECT_EQ(mesh.server("s0").status().phase(), "inspected");
  EXPECT_NE(condition(mesh.server("s0"), "Identified").find("server accept s0"), std::string::npos);
  mesh.must(AcceptServer{"s0"});
  EXPECT_EQ(mesh.server("s0").status().phase(), "ready");
  EXPECT_EQ(mesh.server("s0").status().pinned().uuid(), bmc_report(0).identity().uuid());
  EXPECT_EQ(mesh.server("s0").status().pinned().macs_size(), 1);
}

TEST_F(Identity, AMismatchNamesBothValues) {
  add(Mesh::server_object("s0", "par1", 0), bmc_report(7));
  EXPECT_EQ(mesh.server("s0").status().phase(), "inspected");
  const std::string text = condition(mesh.server("s0"), "Identified");
  EXPECT_NE(text.find(bmc_report(0).identity().uuid()), std::string::npos) << text;
  EXPECT_NE(text.find(bmc_report(7).identity().uuid()), std::string::npos) << text;
  EXPECT_EQ(mesh.ask(AcceptServer{"s0"}).error().kind, ErrorKind::conflict);
}

TEST_F(Identity, AnotherKeyIsNoticed) {
  add(Mesh::server_object("s0", "par1", 0), bmc_report(0));
  agent.bmcs["s0"].set_bmc_key_sha256(std::string(64, 'b'));
  mesh.must(InspectServer{"s0"});
  agent.answer_inspections();
  EXPECT_EQ(mesh.server("s0").status().phase(), "inspected");
  EXPECT_NE(condition(mesh.server("s0"), "Identified").find("KEY_CHANGED"), std::string::npos);
  mesh.must(AcceptServer{"s0"});
  EXPECT_EQ(mesh.server("s0").status().phase(), "ready");
  EXPECT_EQ(mesh.server("s0").status().pinned_key_sha256(), std::string(64, 'b'));
}

TEST_F(Identity, AKeyThatAnInspectionRefusedCanBeAccepted) {
  add(Mesh::server_object("s0", "par1", 0), bmc_report(0));
  auto& seen = agent.bmcs["s0"];
  seen.Clear();
  seen.mutable_fault()->set_code(wire::BMC_KEY_CHANGED);
  seen.set_bmc_key_sha256(std::string(64, 'b'));
  mesh.must(InspectServer{"s0"});
  agent.answer_inspections();
  EXPECT_EQ(mesh.server("s0").status().phase(), "inspected");
  EXPECT_EQ(mesh.server("s0").status().pinned_key_sha256(), agent.key) << "nobody accepted it yet";
  mesh.must(AcceptServer{"s0"});
  EXPECT_EQ(mesh.server("s0").status().pinned_key_sha256(), std::string(64, 'b'));
}

TEST_F(Identity, OneMachineUnderTwoNamesIsRefused) {
  add(Mesh::server_object("s0", "par1", 0), bmc_report(0));
  auto twin = Mesh::server_object("s1", "par1", 1);
  twin.mutable_spec()->clear_identity();
  add(twin, bmc_report(0));
  EXPECT_EQ(mesh.server("s1").status().phase(), "inspected");
  EXPECT_NE(condition(mesh.server("s1"), "Identified").find("s0"), std::string::npos);
  EXPECT_FALSE(mesh.ask(AcceptServer{"s1"}).has_value());
}

TEST_F(Identity, PlaceholdersAreNotAccepted) {
  auto server = Mesh::server_object("s0", "par1", 0);
  server.mutable_spec()->clear_identity();
  wire::Inspected seen = bmc_report(0);
  seen.mutable_identity()->set_uuid("00000000-0000-0000-0000-000000000000");
  seen.mutable_identity()->set_serial("Default string");
  add(server, seen);
  EXPECT_FALSE(mesh.ask(AcceptServer{"s0"}).has_value());
}

TEST_F(Identity, AFailedInspectionIsAConditionNotAState) {
  add(Mesh::server_object("s0", "par1", 0), bmc_report(0));
  wire::Inspected failed;
  failed.mutable_fault()->set_code(wire::BMC_UNREACHABLE);
  failed.mutable_fault()->set_seen("10.0.0.1:443 does not answer");
  agent.bmcs["s0"] = failed;
  mesh.must(InspectServer{"s0"});
  agent.answer_inspections();
  EXPECT_EQ(mesh.server("s0").status().phase(), "ready");
  EXPECT_NE(condition(mesh.server("s0"), "Reachable").find("False BMC_UNREACHABLE"), std::string::npos);
}

TEST_F(Identity, AnAnswerToAnOlderQuestionIsNotBelieved) {
  add(Mesh::server_object("s0", "par1", 0), bmc_report(0));
  agent.cut = true;
  mesh.must(InspectServer{"s0"});
  agent.cut = false;
  wire::Event old;
  old.set_server("s0");
  *old.mutable_inspected() = bmc_report(5);
  old.mutable_inspected()->set_request_id("older");
  agent.report(old);
  EXPECT_EQ(mesh.server("s0").status().seen().serial(), bmc_report(0).identity().serial());
}

TEST_F(Identity, InspectionsWaitForASiteThatIsNotThereYet) {
  mesh.apply(Mesh::site("lyo1"));
  mesh.apply(Mesh::server_object("s1", "lyo1", 1));
  mesh.restart();
  auto& late = *(mesh.agents["lyo1"] = std::make_unique<Puppet>(mesh, "lyo1", "journal-lyo1"));
  late.bmcs["s1"] = bmc_report(1);
  mesh.run_for(std::chrono::seconds(6));
  late.answer_inspections();
  EXPECT_EQ(mesh.server("s1").status().phase(), "ready");
}

}  // namespace
}  // namespace metalmesh::testing
