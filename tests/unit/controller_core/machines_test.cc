// What is known of a machine holds whatever happens to its object.
#include "tests/unit/controller_core/machines.h"

namespace metalmesh::testing {
namespace {

TEST_F(Machines, WhatNobodySaidToBeNewIsInUse) {
  add("s0", 0, "");
  EXPECT_EQ(mesh.server("s0").status().phase(), "inUse");
  EXPECT_EQ(mesh.server("s0").status().use(), "inUse");
  EXPECT_EQ(mesh.server("s0").status().holds(), "in use, not ours");
  EXPECT_TRUE(mesh.server("s0").status().protected_());
  EXPECT_EQ(why_not("s0"), "IN_USE");
  const auto refused = mesh.ask(ProtectServer{"s0", false, "please", 0});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().next, "metalmesh server release-for-install s0 --reason REASON");
}

TEST_F(Machines, ASiteMaySayThatItsServersAreNew) {
  auto site = Mesh::site("par1");
  site.mutable_spec()->mutable_defaults()->set_new_servers("new");
  mesh.apply(site);
  add("s0", 0, "");
  EXPECT_EQ(mesh.server("s0").status().phase(), "ready");
  add("s1", 1, "inUse");
  EXPECT_EQ(why_not("s1"), "IN_USE");
  site.mutable_spec()->mutable_defaults()->set_new_servers("empty");
  EXPECT_EQ(mesh.ask(Apply{site, std::nullopt}).error().field, "spec.defaults.newServers");
}

TEST_F(Machines, ReleasedForInstallNeedsAReasonAndAReinstall) {
  add("s0", 0, "");
  EXPECT_EQ(mesh.ask(ReleaseServer{"s0", ""}).error().field, "reason");
  mesh.must(ReleaseServer{"s0", "CHG-77: decommissioned"});
  EXPECT_EQ(mesh.server("s0").status().phase(), "ready");
  EXPECT_TRUE(mesh.logged("released server s0 for install, which held: in use, not ours: CHG-77"));
  const rest::Plan without = plan("without", false);
  ASSERT_EQ(without.excluded_size(), 1);
  EXPECT_EQ(without.excluded(0).reason(), "RELEASED");
  EXPECT_EQ(without.excluded(0).holds(), "given up for install");
  EXPECT_EQ(why_not("s0"), "");
  const auto again = mesh.ask(ReleaseServer{"s0", "again"});
  ASSERT_FALSE(again.has_value()) << "there is nothing to release any more";
}

TEST_F(Machines, APersonsWordThatItSucceededDoesNotEmptyWhatWasReleased) {
  add("s0", 0, "");
  mesh.must(ReleaseServer{"s0", "CHG-78: decommissioned"});
  auto object = Mesh::rollout_object("r");
  object.mutable_spec()->set_reinstall(true);
  mesh.start_rollout(object);
  agent.accept("s0");
  mesh.must(ResolveDeployment{"s0", "succeeded", "it must have"});
  EXPECT_EQ(mesh.server("s0").status().use(), "released");
  agent.answer_cancel("s0", wire::CancelAnswer::CANCELLED);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "CANCELLED");
  EXPECT_FALSE(mesh.server("s0").status().has_installed());
  EXPECT_EQ(mesh.server("s0").status().use(), "released") << "what was on it is still there";
}

TEST_F(Machines, NothingIsReleasedBeforeItWasSeen) {
  agent.cut = true;
  mesh.apply(Mesh::server_object("s0", "par1", 0));
  const auto early = mesh.ask(ReleaseServer{"s0", "hurry"});
  ASSERT_FALSE(early.has_value());
  EXPECT_EQ(early.error().next, "metalmesh inspect s0 --wait");
}

TEST_F(Machines, AManifestThatSaysNewLowersNothing) {
  add("s0", 0, "");
  auto object = Mesh::server_object("s0", "par1", 0);
  object.mutable_spec()->set_state("new");
  mesh.apply(object);
  EXPECT_EQ(why_not("s0"), "IN_USE") << "an edit";
  mesh.must(forget("s0", 0));
  mesh.apply(object);
  agent.answer_inspections();
  EXPECT_EQ(why_not("s0"), "IN_USE") << "delete and apply";
  mesh.must(forget("s0", 0));
  add("renamed", 0, "new");
  EXPECT_EQ(why_not("renamed"), "IN_USE") << "another name";
  mesh.must(forget("renamed", 0));
  show("moved", 0);
  auto elsewhere = Mesh::server_object("moved", "par1", 7);
  *elsewhere.mutable_spec()->mutable_identity() = object.spec().identity();
  elsewhere.mutable_spec()->mutable_identity()->clear_uuid();
  mesh.apply(elsewhere);
  agent.answer_inspections();
  EXPECT_EQ(why_not("moved"), "IN_USE") << "another address and half of its identity";
  mesh.restart();
  EXPECT_EQ(mesh.server("moved").status().use(), "inUse");
}

TEST_F(Machines, WhatWasNeverSeenIsKnownByItsAddress) {
  agent.cut = true;
  auto object = Mesh::server_object("s0", "par1", 0);
  object.mutable_spec()->clear_identity();
  object.mutable_spec()->clear_state();
  mesh.apply(object);
  mesh.must(Delete{"Server", "s0", std::nullopt, "s0"});
  object.mutable_metadata()->set_name("other");
  object.mutable_spec()->set_state("new");
  mesh.apply(object);
  EXPECT_EQ(mesh.server("other").status().use(), "inUse");
  show("other", 0);
  agent.cut = false;
  mesh.run_for(std::chrono::seconds(8));
  agent.answer_inspections();
  ASSERT_TRUE(mesh.server("other").status().has_inspected_at());
  EXPECT_EQ(mesh.server("other").status().use(), "inUse");
}

TEST_F(Machines, AnInstalledServerStaysWhatItIsThroughDeleteAndApply) {
  add("s0", 0, "new");
  install("first", "s0");
  agent.succeed("s0");
  const auto plain = mesh.ask(Delete{"Server", "s0", std::nullopt});
  ASSERT_FALSE(plain.has_value());
  EXPECT_EQ(plain.error().field, "confirm");
  EXPECT_EQ(plain.error().next, "metalmesh delete server s0 --confirm SERIAL");
  EXPECT_FALSE(mesh.ask(Delete{"Server", "s0", std::nullopt, "CZ0000"}).has_value());
  mesh.must(forget("s0", 0));
  EXPECT_TRUE(
      mesh.logged("deleted Server s0 (" + bmc_report(0).identity().serial() + ", which holds: rocky since"));
  EXPECT_EQ(mesh.events().back().server(), "s0");
  add("again", 0, "new");
  const auto& status = mesh.server("again").status();
  EXPECT_EQ(status.phase(), "installed");
  EXPECT_TRUE(status.protected_());
  EXPECT_EQ(status.installed().image(), "rocky");
  EXPECT_EQ(status.generation(), 1U);
  EXPECT_EQ(why_not("again"), "PROTECTED");
  mesh.must(ProtectServer{"again", false, "CHG-1", 0});
  EXPECT_EQ(why_not("again"), "");
}

TEST_F(Machines, AnUnclearEndOutlivesItsRollout) {
  add("s0", 0, "new");
  install("first", "s0");
  agent.accept("s0");
  agent.launch("s0");
  agent.end("s0", wire::Ended::INDETERMINATE, wire::DISK_UNKNOWN);
  const std::string id = mesh.deployment_of("s0").id();
  EXPECT_EQ(why_not("s0"), "UNRESOLVED");
  mesh.must(Delete{"Rollout", "first", std::nullopt});
  const rest::Plan made = plan("second");
  ASSERT_EQ(made.excluded_size(), 1);
  EXPECT_EQ(made.excluded(0).reason(), "UNRESOLVED");
  EXPECT_THAT(made.excluded(0).message(), ::testing::HasSubstr(id));
  mesh.must(forget("s0", 0));
  add("s0", 0, "new");
  EXPECT_EQ(why_not("s0"), "UNRESOLVED");
  EXPECT_EQ(mesh.server("s0").status().phase(), "failed");
  mesh.must(ReleaseServer{"s0", "looked at it: nothing of value"});
  EXPECT_EQ(why_not("s0"), "");
}

TEST_F(Machines, UnprovenIsOutUntilSomebodyDecides) {
  add("s0", 0, "new");
  install("first", "s0");
  agent.accept("s0");
  agent.launch("s0");
  agent.end("s0", wire::Ended::UNPROVEN);
  const std::string id = mesh.deployment_of("s0").id();
  EXPECT_EQ(why_not("s0"), "UNRESOLVED");
  EXPECT_EQ(mesh.ask(ReleaseServer{"s0", "wipe it"}).error().next,
            "metalmesh deployment resolve " + id + " --as failed --note NOTE");
  mesh.must(ResolveDeployment{id, "failed", "it does not boot"});
  EXPECT_EQ(why_not("s0"), "");
  EXPECT_THAT(mesh.server("s0").status().holds(), ::testing::HasSubstr("half written"));
}

TEST_F(Machines, WhatAPersonCallsASuccessMeasuresTheNextOnes) {
  const auto usual = [&](const char* server) { return agent.last_order(server)->issue.usual_reads(); };
  add("s0", 0, "new");
  install("first", "s0");
  EXPECT_EQ(usual("s0"), 0U);
  agent.accept("s0");
  agent.launch("s0");
  wire::Event end = agent.about("s0");
  end.mutable_ended()->set_outcome(wire::Ended::UNPROVEN);
  end.mutable_ended()->set_disk(wire::DISK_UNKNOWN);
  end.mutable_ended()->set_bytes_read(700 << 20);
  agent.report(end);
  add("s1", 1, "new");
  install("second", "s1");
  EXPECT_EQ(usual("s1"), 0U) << "nobody has looked yet";
  mesh.must(ResolveDeployment{mesh.deployment_of("s0").id(), "succeeded", "it runs"});
  add("s2", 2, "new");
  install("third", "s2");
  EXPECT_EQ(usual("s2"), 700U << 20);
  mesh.restart();
  mesh.run_for(std::chrono::seconds(8));
  add("s3", 3, "new");
  install("fourth", "s3");
  EXPECT_EQ(usual("s3"), 700U << 20) << "of the rows";
}

TEST_F(Machines, AdoptedIsInUseAndProtected) {
  add("s0", 0, "new");
  EXPECT_EQ(why_not("s0"), "");
  mesh.must(AdoptServer{"s0", "the accounting runs there"});
  EXPECT_EQ(mesh.server("s0").status().phase(), "inUse");
  EXPECT_EQ(why_not("s0"), "IN_USE");
  EXPECT_TRUE(mesh.logged("adopted server s0: it is in use and protected: the accounting runs there"));
}

TEST_F(Machines, AnotherBoardKeepsTheDisks) {
  add("s0", 0, "new");
  install("first", "s0");
  agent.succeed("s0");
  agent.bmcs["s0"] = bmc_report(50);  // another board under the same name
  agent.bmcs["s0"].set_bmc_key_sha256(agent.key);
  inspect("s0");
  EXPECT_EQ(why_not("s0"), "PROTECTED");
  mesh.must(ProtectServer{"s0", false, "CHG-1", 0});
  EXPECT_EQ(why_not("s0"), "IDENTITY_INSUFFICIENT");
  const std::string serial = bmc_report(50).identity().serial();
  EXPECT_EQ(mesh.ask(ReidentifyServer{"s0", "WRONG", "board swap"}).error().field, "confirm");
  EXPECT_EQ(mesh.ask(ReidentifyServer{"s0", serial, ""}).error().field, "reason");
  mesh.must(ReidentifyServer{"s0", serial, "board swap"});
  EXPECT_TRUE(mesh.logged("serial " + bmc_report(0).identity().serial()));
  EXPECT_EQ(mesh.server("s0").spec().identity().serial(), serial);
  EXPECT_EQ(mesh.server("s0").status().phase(), "installed");
  EXPECT_EQ(mesh.server("s0").status().installed().image(), "rocky");
  EXPECT_EQ(mesh.server("s0").status().generation(), 1U);
  EXPECT_FALSE(mesh.ask(ReidentifyServer{"s0", serial, "again"}).has_value()) << "it is what it is";
  // Either board leads to the same disks.
  for (const int number : {0, 50}) {
    const std::string name = "back" + std::to_string(number);
    const std::string stands = mesh.state().servers.begin()->first;
    mesh.must(
        Delete{"Server", stands, std::nullopt, number == 0 ? serial : bmc_report(0).identity().serial()});
    add(name, number, "new");
    EXPECT_EQ(mesh.server(name).status().installed().image(), "rocky") << number;
  }
}

TEST_F(Machines, AnEditOfTheIdentityDoesNotMakeItAnotherMachine) {
  add("s0", 0, "");
  show("s0", 50);
  auto edited = Mesh::server_object("s0", "par1", 50);
  edited.mutable_spec()->mutable_bmc()->set_address(mesh.server("s0").spec().bmc().address());
  mesh.apply(edited);
  inspect("s0");
  EXPECT_TRUE(mesh.server("s0").status().stranger());
  EXPECT_EQ(mesh.server("s0").status().use(), "inUse");
  EXPECT_NE(why_not("s0"), "");
  EXPECT_FALSE(mesh.ask(AcceptServer{"s0"}).has_value());
  EXPECT_FALSE(mesh.ask(ReleaseServer{"s0", "x"}).has_value());
}

TEST_F(Machines, ReplacedMeansANewMachineAndABlockedOldOne) {
  add("s0", 0, "new");
  install("first", "s0");
  agent.succeed("s0");
  show("s0", 50);
  agent.bmcs["s0"].mutable_identity()->add_macs(bmc_report(0).identity().macs(0));  // its NIC went along
  inspect("s0");
  const std::string serial = bmc_report(50).identity().serial();
  mesh.must(ReplaceServer{"s0", serial, "the old one burned"});
  const auto& status = mesh.server("s0").status();
  EXPECT_FALSE(status.has_installed());
  EXPECT_EQ(status.use(), "inUse") << "nobody said that the new one is new";
  EXPECT_EQ(status.generation(), 0U);
  mesh.must(ReleaseServer{"s0", "fresh from the box"});
  EXPECT_EQ(why_not("s0"), "");
  // The old one comes back somewhere else.
  show("old", 0);
  auto old = Mesh::server_object("old", "par1", 0);
  old.mutable_spec()->mutable_bmc()->set_address("10.9.9.9");
  mesh.apply(old);
  agent.answer_inspections();
  EXPECT_EQ(why_not("old"), "BLOCKED");
  EXPECT_EQ(mesh.server("old").status().installed().image(), "rocky");
}

TEST_F(Machines, MovedKeepsEverything) {
  Puppet& lyon = mesh.bring_up("lyo1");
  add("s0", 0, "new");
  install("first", "s0");
  agent.succeed("s0");
  auto edited = Mesh::server_object("s0", "lyo1", 0);
  const auto refused = mesh.ask(Apply{edited, std::nullopt});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().next, "metalmesh server move s0 --site lyo1 --address 10.0.0.1");
  mesh.must(MoveServer{"s0", "lyo1", "10.4.4.4", ""});
  EXPECT_EQ(mesh.server("s0").status().installed().image(), "rocky");
  EXPECT_TRUE(mesh.server("s0").status().protected_());
  lyon.bmcs["s0"] = bmc_report(0);
  lyon.bmcs["s0"].set_bmc_key_sha256(lyon.key);
  mesh.run_for(std::chrono::seconds(2));
  lyon.answer_inspections();
  EXPECT_EQ(mesh.server("s0").status().phase(), "installed");
  EXPECT_EQ(mesh.server("s0").status().generation(), 1U);
  EXPECT_EQ(why_not("s0"), "PROTECTED");
  EXPECT_EQ(mesh.ask(MoveServer{"s0", "", "10.4.4.4", ""}).error().field, "address");
  EXPECT_EQ(mesh.ask(MoveServer{"s0", "nowhere", "10.4.4.5", ""}).error().field, "spec.site");
}

TEST_F(Machines, ANicThatMovedMakesNoTwoMachinesOne) {
  add("s0", 0, "");
  show("s1", 1);
  agent.bmcs["s1"].mutable_identity()->add_macs(bmc_report(0).identity().macs(0));
  mesh.apply(Mesh::server_object("s1", "par1", 1));
  agent.answer_inspections();
  EXPECT_NE(mesh.server("s0").status().machine(), mesh.server("s1").status().machine());
  EXPECT_EQ(why_not("s1"), "") << "its NIC was in another server";
  EXPECT_EQ(why_not("s0"), "IN_USE");
}

TEST_F(Machines, ASerialOfAKnownMachineMakesAnotherOneNoEmptier) {
  add("s0", 0, "");
  mesh.must(forget("s0", 0));
  show("s1", 1);
  agent.bmcs["s1"].mutable_identity()->set_serial(bmc_report(0).identity().serial());
  auto object = Mesh::server_object("s1", "par1", 1);
  object.mutable_spec()->mutable_identity()->clear_serial();
  mesh.apply(object);
  agent.answer_inspections();
  mesh.must(AcceptServer{"s1"});
  EXPECT_EQ(why_not("s1"), "IN_USE") << "perhaps a new board under the old serial";
  mesh.must(ReleaseServer{"s1", "it is another machine"});
  EXPECT_EQ(why_not("s1"), "");
  mesh.must(Delete{"Server", "s1", std::nullopt});
  add("s0", 0, "new");
  EXPECT_EQ(why_not("s0"), "IN_USE") << "what was said of the other says nothing of this one";
}

}  // namespace
}  // namespace metalmesh::testing
