// Hardware types: which servers are of one, in what they differ, and what its roles are on them. Nothing is guessed.
#include <map>

#include "controller/core/hardware_roles.h"
#include "controller/core/hardware_types.h"
#include "tests/unit/controller_core/planned.h"

namespace metalmesh::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using wire::Inventory;

constexpr std::uint64_t gb = 1'000'000'000;
constexpr std::uint64_t gib = std::uint64_t{1} << 30U;

Inventory::Drive& add_disk(rest::ServerInventory& to, const std::string& name, const std::string& serial,
                           std::uint64_t gigabytes, const std::string& media = "SSD") {
  auto& drive = *to.mutable_inventory()->add_drives();
  drive.set_name(name);
  drive.set_serial(serial);
  drive.set_wwn("naa.5000c500" + serial.substr(1));
  drive.set_model("SAMSUNG MZ7LH480HAHQ");
  drive.set_media(media);
  drive.set_protocol("SATA");
  drive.set_bytes(gigabytes * gb);
  return drive;
}

Inventory::Nic& add_card(rest::ServerInventory& to, const std::string& name, std::vector<std::string> macs) {
  auto& nic = *to.mutable_inventory()->add_nics();
  nic.set_name(name);
  nic.mutable_macs()->Assign(macs.begin(), macs.end());
  nic.set_mbps(25'000);
  return nic;
}

rest::ServerInventory box() {
  rest::ServerInventory out;
  add_disk(out, "Disk.Bay.10", "S00000010", 960);
  add_disk(out, "Disk.Bay.2", "S00000002", 480);
  add_disk(out, "Disk.Bay.0", "S00000000", 960);
  add_disk(out, "Disk.Bay.4", "S00000004", 4000, "HDD").set_protocol("SAS");
  add_card(out, "NIC.Slot.3-2", {"b4:7a:f1:00:00:02"});
  add_card(out, "NIC.Slot.3-1", {"b4:7a:f1:00:00:01", "b4:7a:f1:00:00:11"});
  auto& volume = *out.mutable_inventory()->add_volumes();
  volume.set_name("Virtual.0");
  volume.set_raid("RAID1");
  volume.set_bytes(479 * gb);
  volume.set_wwn("naa.600508b1001c0001");
  return out;
}

std::vector<std::string> choice_names(const std::vector<rest::RoleChoice>& choices) {
  std::vector<std::string> out;
  for (const auto& each : choices)
    out.push_back(each.missing().empty() ? each.name() : "none: " + each.missing());
  return out;
}

template <class Edit>
std::vector<std::string> found_disks(Edit edit, const rest::ServerInventory& of = box()) {
  rest::DiskRule rule;
  edit(rule);
  return choice_names(disks_of_role("root", rule, of));
}

TEST(HardwareRoles, EachWordOfARuleCounts) {
  EXPECT_THAT(found_disks([](auto& r) { r.set_name("disk.bay.2"); }), ElementsAre("Disk.Bay.2"))
      << "in any case";
  EXPECT_THAT(found_disks([](auto& r) { r.set_name("Disk.Bay.?0"); }), ElementsAre("Disk.Bay.10"));
  EXPECT_THAT(found_disks([](auto& r) { r.set_media("HDD"); }), ElementsAre("Disk.Bay.4"));
  EXPECT_THAT(found_disks([](auto& r) { r.set_protocol("SAS"); }), ElementsAre("Disk.Bay.4"));
  EXPECT_THAT(found_disks([](auto& r) { r.set_max_size(500 * gb); }), ElementsAre("Disk.Bay.2"));
  EXPECT_THAT(found_disks([](auto& r) { r.set_min_size(1000 * gb); }), ElementsAre("Disk.Bay.4"));
  EXPECT_THAT(found_disks([](auto& r) { r.set_model("*HAHQ"), r.set_index(1); }), ElementsAre("Disk.Bay.0"));
  EXPECT_THAT(found_disks([](auto& r) { r.set_model("*INTEL*"); }),
              ElementsAre(HasSubstr("no drive matches")));
  rest::ServerInventory of = box();
  of.mutable_inventory()->mutable_drives(1)->set_controller("AHCI.1");
  EXPECT_THAT(found_disks([](auto& r) { r.set_controller("ahci*"); }, of), ElementsAre("Disk.Bay.2"));
  EXPECT_THAT(found_disks([](auto& r) { r.set_volume(true), r.set_raid("RAID1"); }),
              ElementsAre("Virtual.0"));
  EXPECT_THAT(
      found_disks([](auto& r) { r.set_volume(true), r.set_raid("RAID5"); }),
      ElementsAre(AllOf(HasSubstr("no volume matches (RAID5)"), HasSubstr("Virtual.0 (479 GB RAID1"))));
}

TEST(HardwareRoles, AnIndexCountsInTheOrderOfNamesOrSizes) {
  const auto ssd = [](std::uint32_t index, const char* by) {
    return [=](auto& r) { r.set_media("SSD"), r.set_index(index), r.set_by(by); };
  };
  EXPECT_THAT(found_disks(ssd(2, "name")), ElementsAre("Disk.Bay.2")) << "before Disk.Bay.10";
  EXPECT_THAT(found_disks(ssd(3, "")), ElementsAre("Disk.Bay.10"));
  EXPECT_THAT(found_disks(ssd(1, "size")), ElementsAre("Disk.Bay.2"));
  EXPECT_THAT(found_disks(ssd(2, "size")), ElementsAre("Disk.Bay.0"));
  EXPECT_THAT(found_disks(ssd(4, "size")), ElementsAre(HasSubstr("wanted is number 4")));
}

TEST(HardwareRoles, NoneOrSeveralAreNoneAndTheCandidatesAreListed) {
  EXPECT_THAT(
      found_disks([](auto& r) { r.set_media("SSD"), r.set_min_size(900 * gb); }),
      ElementsAre(
          "none: 2 drives match (SSD, at least 900 GB): Disk.Bay.0 (960 GB SSD, S00000000), Disk.Bay.10 "
          "(960 GB SSD, S00000010)"));
  EXPECT_THAT(found_disks([](auto& r) { r.set_name("Disk.Bay.7"); }),
              ElementsAre(AllOf(HasSubstr("no drive matches (name Disk.Bay.7); there are: "),
                                HasSubstr("Disk.Bay.4 (4 TB HDD, S00000004)"))));
  EXPECT_THAT(found_disks([](auto& r) { r.set_media("SSD"), r.set_count(3); }),
              ElementsAre("Disk.Bay.0", "Disk.Bay.2", "Disk.Bay.10"));
  EXPECT_THAT(found_disks([](auto& r) { r.set_media("HDD"), r.set_count(2); }),
              ElementsAre(HasSubstr("wanted are 2")));
  rest::ServerInventory many;
  for (int i = 0; i < 12; ++i)
    add_disk(many, "Bay " + std::to_string(i), "S0000000" + std::to_string(i), 960);
  EXPECT_THAT(found_disks([](auto&) {}, many),
              ElementsAre(AllOf(HasSubstr("Bay 7 ("), HasSubstr(" and 4 more"))));
}

TEST(HardwareRoles, WhatTheLastReadingDidNotShowIsNone) {
  rest::ServerInventory of = box();
  of.add_missing("drive S00000002");
  EXPECT_THAT(found_disks([](auto& r) { r.set_name("Disk.Bay.2"); }, of),
              ElementsAre(HasSubstr("was not there when the server was read last")));
  EXPECT_THAT(found_disks([](auto& r) { r.set_name("Disk.Bay.0"); }, of), ElementsAre("Disk.Bay.0"));
}

TEST(HardwareRoles, ADriveThatNobodyReadMayBeTheOneAsWell) {
  rest::ServerInventory of = box();
  of.mutable_inventory()->add_unread("HTTP 500 for /redfish/v1/Systems/1/Storage/1/Drives/7");
  const auto hdd = [](auto& r) { r.set_media("HDD"); };
  EXPECT_THAT(found_disks(hdd, of), ElementsAre(HasSubstr("not all of its drives could be read: HTTP 500")));
  EXPECT_THAT(found_disks([](auto& r) { r.set_name("Disk.Bay.2"); }, of), ElementsAre("Disk.Bay.2"))
      << "there is one drive in a bay";
  of.mutable_inventory()->set_unread(0, "HTTP 404 for /redfish/v1/Managers/1/NetworkProtocol");
  EXPECT_THAT(found_disks(hdd, of), ElementsAre("Disk.Bay.4"));
}

TEST(HardwareRoles, NvmeIsAlsoWhatIsToldByItsBus) {
  rest::ServerInventory of = box();
  of.mutable_inventory()->mutable_drives(0)->set_protocol("PCIe");
  EXPECT_THAT(found_disks([](auto& r) { r.set_protocol("NVMe"); }, of), ElementsAre("Disk.Bay.10"));
}

TEST(HardwareRoles, WhereABmcListsNoDrivesTheInstallerLooks) {
  rest::DiskRule rule;
  rule.set_media("SSD");
  rule.set_min_size(400 * gb);
  const auto choices = disks_of_role("root", rule, {});
  ASSERT_EQ(choices.size(), 1U);
  EXPECT_EQ(choices[0].looked_for(), "SSD, at least 400 GB");
  EXPECT_EQ(looked_for(rule).media(), "SSD");
  EXPECT_EQ(looked_for(rule).min_size(), 400 * gb);
  EXPECT_NE(looked_for({}).ByteSizeLong(), 0U) << "nothing said would be the installer's own choice";
  rule.set_name("Disk.Bay.0");
  EXPECT_THAT(choice_names(disks_of_role("root", rule, {})),
              ElementsAre(HasSubstr("its BMC lists no drives")));
  rule.clear_name();
  rule.set_index(1);
  EXPECT_THAT(choice_names(disks_of_role("root", rule, {})),
              ElementsAre(HasSubstr("its BMC lists no drives")));
  rest::DiskRule volume;
  volume.set_volume(true);
  EXPECT_THAT(choice_names(disks_of_role("root", volume, {})), ElementsAre(HasSubstr("its BMC lists none")));
}

TEST(HardwareRoles, ACardIsAPortOfIt) {
  const auto mac = [](auto edit) {
    rest::NicRule rule;
    edit(rule);
    const auto choice = nic_of_role("prod0", rule, box());
    return choice.missing().empty() ? choice.mac() : "none: " + choice.missing();
  };
  EXPECT_EQ(mac([](auto& r) { r.set_name("NIC.Slot.3-2*"); }), "b4:7a:f1:00:00:02");
  EXPECT_EQ(mac([](auto& r) { r.set_name("NIC.Slot.3-1"); }), "b4:7a:f1:00:00:01");
  EXPECT_EQ(mac([](auto& r) { r.set_name("NIC.Slot.3-1"), r.set_position(2); }), "b4:7a:f1:00:00:11");
  EXPECT_EQ(mac([](auto& r) { r.set_index(2); }), "b4:7a:f1:00:00:02");
  EXPECT_THAT(mac([](auto& r) { r.set_name("NIC.Slot.3*"); }),
              AllOf(HasSubstr("2 cards match"), HasSubstr("NIC.Slot.3-1 (25000 Mb/s, b4:7a:f1:00:00:01)")));
  EXPECT_THAT(mac([](auto& r) { r.set_min_mbps(100'000); }), HasSubstr("no card matches"));
}

std::vector<std::string> differences(const rest::HardwareFacts& expected, const rest::ServerInventory& of) {
  std::vector<std::string> out;
  for (const auto& each : deviations_of(expected, of.inventory()))
    out.push_back(each.message() + (each.must() ? "!" : ""));
  return out;
}

TEST(HardwareDeviations, ReadAsWhatTheyAre) {
  rest::HardwareFacts expected;
  expected.mutable_memory()->set_size(512 * gb);  // people write 512GB
  expected.mutable_memory()->set_must(true);
  auto& processors = *expected.mutable_processors();
  processors.set_model("*Gold 6338*");
  processors.set_sockets(2);
  processors.set_cores(64);
  auto& ssds = *expected.add_drives();
  ssds.set_count(4);
  ssds.set_size(960 * gb);
  ssds.set_media("SSD");
  ssds.set_must(true);
  expected.mutable_nics()->set_count(2);
  rest::ServerInventory of = box();
  auto& inventory = *of.mutable_inventory();
  inventory.set_memory_bytes(480 * gib);
  inventory.mutable_processors()->set_model("Intel(R) Xeon(R) Gold 6338 CPU");
  inventory.mutable_processors()->set_count(1);
  inventory.mutable_processors()->set_cores(32);
  EXPECT_THAT(differences(expected, of),
              ElementsAre("480 of 512 GB memory!", "1 of 2 processors", "32 of 64 cores",
                          "2 of 4 drives of 960 GB SSD!",
                          "drives beside those expected: Disk.Bay.2 (480 GB SSD), Disk.Bay.4 (4 TB HDD)"));
  inventory.set_memory_bytes(512 * gib);
  inventory.mutable_processors()->set_count(2);
  inventory.mutable_processors()->set_cores(64);
  ssds.set_count(2);
  inventory.mutable_drives()->DeleteSubrange(3, 1);
  inventory.mutable_drives()->DeleteSubrange(1, 1);
  inventory.mutable_drives(0)->set_bytes(960'197'124'096);  // as they are
  EXPECT_THAT(differences(expected, of), IsEmpty());
  inventory.set_memory_bytes(1536 * gib);
  EXPECT_THAT(differences(expected, of), ElementsAre("1536 of 512 GB memory!"));
}

TEST(HardwareDeviations, WhatTheBmcDoesNotTellDoesNotHold) {
  rest::HardwareFacts expected;
  expected.mutable_memory()->set_size(512 * gib);
  expected.mutable_processors()->set_sockets(2);
  expected.mutable_processors()->set_model("*6338*");
  EXPECT_THAT(differences(expected, {}),
              ElementsAre("memory unknown, expected 512 GB", "processors unknown, expected 2",
                          "processor unknown, expected *6338*"));
  EXPECT_THAT(differences({}, box()), IsEmpty()) << "what is not expected is not looked at";
}

rest::HardwareType hardware_type(const std::string& name, const std::string& manufacturer,
                                 const std::string& model) {
  rest::HardwareType type;
  type.mutable_metadata()->set_name(name);
  type.mutable_spec()->set_manufacturer(manufacturer);
  type.mutable_spec()->set_model(model);
  return type;
}

TEST(HardwareTypes, MatchByManufacturerAndModel) {
  MeshState mesh;
  mesh.hardware_types["a"] = hardware_type("a", "dell*", "poweredge R650");
  mesh.hardware_types["b"] = hardware_type("b", "Dell Inc.", "PowerEdge R7*");
  rest::Server server;
  EXPECT_THAT(types_of(mesh, server), IsEmpty());
  server.mutable_status()->set_manufacturer("Dell Inc.");
  server.mutable_status()->set_model("PowerEdge R650");
  EXPECT_THAT(types_of(mesh, server), ElementsAre("a"));
  mesh.hardware_types["c"] = hardware_type("c", "*", "*R650*");
  EXPECT_THAT(types_of(mesh, server), ElementsAre("a", "c"));
  const MemoryRows rows;
  EXPECT_THAT(hardware_of(mesh, rows, server).types(), ElementsAre("a", "c"));
  EXPECT_EQ(hardware_of(mesh, rows, server).type(), "") << "nobody is held against one of two";
}

TEST(HardwareTypes, WhatWasNotReadIsKnownOfNobody) {
  MeshState mesh;
  rest::HardwareType type = hardware_type("a", "Dell", "R650");
  (*type.mutable_spec()->mutable_disks())["root"].set_name("Bay 0");
  rest::Server server;
  server.mutable_metadata()->set_name("s0");
  server.mutable_status()->set_manufacturer("Dell");
  server.mutable_status()->set_model("R650");
  const MemoryRows rows;
  mesh.hardware_types["a"] = type;
  rest::ServerHardware hardware = hardware_of(mesh, rows, server);
  ASSERT_EQ(hardware.deviations_size(), 1);
  EXPECT_THAT(hardware.deviations(0).message(), HasSubstr("was not read yet: metalmesh inspect s0"));
  EXPECT_FALSE(hardware.deviations(0).must());
  ASSERT_EQ(hardware.roles_size(), 1);
  EXPECT_FALSE(hardware.roles(0).missing().empty());
  type.mutable_spec()->mutable_expect()->mutable_memory()->set_must(true);
  mesh.hardware_types["a"] = type;
  EXPECT_TRUE(hardware_of(mesh, rows, server).deviations(0).must());
}

struct HardwareRules : ::testing::Test {
  std::string wrong(const std::function<void(rest::HardwareTypeSpec&)>& edit) {
    rest::HardwareType type = hardware_type("a", "Dell", "R650");
    edit(*type.mutable_spec());
    const auto refused = mesh.ask(Apply{type, std::nullopt});
    return refused ? std::string() : refused.error().field + ": " + refused.error().message;
  }
  static rest::DiskRule& root(rest::HardwareTypeSpec& spec) { return (*spec.mutable_disks())["root"]; }
  Mesh mesh;
};

TEST_F(HardwareRules, SayWhatIsWrong) {
  EXPECT_EQ(wrong([](auto&) {}), "");
  EXPECT_THAT(wrong([](auto& s) { s.clear_model(); }), HasSubstr("spec.model"));
  EXPECT_THAT(wrong([](auto& s) { s.clear_manufacturer(); }), HasSubstr("spec.manufacturer"));
  EXPECT_THAT(wrong([](auto& s) { s.set_model("a\nb"); }), HasSubstr("spec.model: is more than one line"));
  EXPECT_THAT(wrong([](auto& s) { s.mutable_expect()->mutable_memory(); }),
              HasSubstr("spec.expect.memory.size"));
  EXPECT_THAT(wrong([](auto& s) { s.mutable_expect()->add_drives(); }),
              HasSubstr("spec.expect.drives[0].count"));
  EXPECT_THAT(wrong([](auto& s) {
                s.mutable_expect()->add_drives()->set_count(1);
                s.mutable_expect()->mutable_drives(0)->set_media("flash");
              }),
              HasSubstr("spec.expect.drives[0].media"));
  EXPECT_EQ(wrong([](auto& s) { (*s.mutable_disks())["boot pair"].set_count(2); }), "");
  EXPECT_THAT(wrong([](auto& s) { (*s.mutable_disks())["a/b"]; }), HasSubstr("is no name of a role"));
  EXPECT_THAT(wrong([](auto& s) { (*s.mutable_nics())[" x"]; }), HasSubstr("is no name of a role"));
  EXPECT_THAT(wrong([](auto& s) { root(s).set_protocol("IDE"); }), HasSubstr("spec.disks.root.protocol"));
  EXPECT_THAT(wrong([](auto& s) { root(s).set_by("age"); }), HasSubstr("spec.disks.root.by"));
  EXPECT_THAT(wrong([](auto& s) { root(s).set_by("size"); }), HasSubstr("there is none"));
  EXPECT_THAT(wrong([](auto& s) { root(s).set_index(1), root(s).set_count(2); }), HasSubstr("count says 2"));
  EXPECT_THAT(wrong([](auto& s) { root(s).set_min_size(2), root(s).set_max_size(1); }),
              HasSubstr("no drive can"));
  EXPECT_THAT(wrong([](auto& s) { root(s).set_volume(true), root(s).set_media("SSD"); }),
              HasSubstr("is a volume"));
  EXPECT_THAT(wrong([](auto& s) { root(s).set_volume(true), root(s).set_mark("serial"); }),
              HasSubstr("no serial number"));
  EXPECT_THAT(wrong([](auto& s) { root(s).set_raid("RAID1"); }), HasSubstr("volume: true"));
}

TEST_F(HardwareRules, ARoleAndADiskAreTwo) {
  mesh.bring_up("par1");
  rest::Profile profile = Mesh::profile("base");
  profile.mutable_spec()->mutable_disk()->set_role("root");
  mesh.apply(profile);
  profile.mutable_spec()->mutable_host()->mutable_disk()->set_path("/dev/sda");
  const auto refused = mesh.ask(Apply{profile, std::nullopt});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              HasSubstr("takes the disk by role root, and spec.host.disk names one"));
  rest::Rollout rollout = Mesh::rollout_object("r");
  rollout.mutable_spec()->mutable_host()->mutable_disk()->set_path("/dev/sda");
  const auto refused_too = mesh.ask(Apply{rollout, std::nullopt});
  ASSERT_FALSE(refused_too);
  EXPECT_EQ(refused_too.error().field, "spec.host.disk");
  profile.mutable_spec()->mutable_host()->clear_disk();
  profile.mutable_spec()->mutable_disk()->clear_role();
  EXPECT_FALSE(mesh.ask(Apply{profile, std::nullopt})) << "a role without a name";
}

}  // namespace
}  // namespace metalmesh::testing
