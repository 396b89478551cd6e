// Plans by role: who must be as its type says and is not stays out, and what a plan shows of disks and cards is what the answer
// files of its orders say. With the real family of Kickstart.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/adapters/family_files.h"
#include "common/answer/answer_order.h"
#include "common/families/family_catalogue.h"
#include "controller/core/actions/install_preview.h"
#include "controller/core/hardware_types.h"
#include "tests/unit/controller_core/planned.h"

namespace metalmesh::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using wire::Inventory;

constexpr std::uint64_t gigabyte = 1'000'000'000;
constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30U;

const std::shared_ptr<const families::FamilyCatalogue>& built_in_families() {
  static const auto all = std::make_shared<const families::FamilyCatalogue>(*adapters::load_families());
  return all;
}

/// Everything that goes onto the medium of an order, as its site renders it; or why not.
std::string rendered(const wire::Install& install) {
  answer::AnswerOrder order{.family = *built_in_families()->find("rhel"),
                            .profile_template = {},
                            .variables = {install.variables().begin(), install.variables().end()},
                            .host = install.host(),
                            .packages = {},
                            .callback = std::nullopt};
  answer::offer(order.variables, {.server = "s", .deployment = "d", .callback_url = "https://site/c"});
  if (const auto reason = answer::why_refused(order)) return "refused: " + *reason;
  const auto context = answer::context_of(order, "LABEL");
  if (!context) return context.error().message;
  const auto files = answer::render_files(order, *context);
  if (!files) return files.error().message;
  std::string all;
  for (const auto& file : *files) all += file.text;
  for (const config::BootEdit& edit : order.family.boot()) {
    const auto arguments = answer::render_arguments(edit, *context);
    if (!arguments) return arguments.error().message;
    for (const std::string& argument : *arguments) all += argument + "\n";
  }
  return all;
}

struct TypedFleet : Planned {
  TypedFleet() {
    mesh.limits.families = built_in_families();
    mesh.restart();
    mesh.run_for(std::chrono::seconds(8));
    wire::Event event;
    for (const char* name : {"rhel", "esxi"}) {
      wire::FamilyRef& known = *event.mutable_families()->add_families();
      known.set_name(name);
      known.set_sha256(families::family_sha256(*built_in_families()->find(name)));
    }
    agent.report(event);
    rest::Profile profile = Mesh::profile("base");
    profile.mutable_spec()->clear_template_();
    profile.mutable_spec()->mutable_disk()->set_role("root");
    wire::Link& link = *profile.mutable_spec()->mutable_host()->mutable_network()->add_links();
    link.set_role("prod0");
    link.set_dhcp(true);
    mesh.apply(profile);
  }

  static rest::HardwareType type(const std::string& name, const std::string& manufacturer,
                                 const std::string& model) {
    rest::HardwareType out;
    out.mutable_metadata()->set_name(name);
    out.mutable_spec()->set_manufacturer(manufacturer);
    out.mutable_spec()->set_model(model);
    return out;
  }

  static Inventory::Drive& drive(Inventory& to, const std::string& name, const std::string& serial,
                                 std::uint64_t size, const std::string& media) {
    auto& drive = *to.add_drives();
    drive.set_name(name);
    drive.set_serial(serial);
    drive.set_media(media);
    drive.set_bytes(size);
    return drive;
  }
  static void nic(Inventory& to, const std::string& name, const std::string& mac) {
    auto& nic = *to.add_nics();
    nic.set_name(name);
    nic.add_macs(mac);
  }

  void add(const std::string& name, int number, const std::string& manufacturer, const std::string& model,
           Inventory inventory) {
    agent.bmcs[name] = bmc_report(number);
    agent.bmcs[name].set_bmc_key_sha256(agent.key);
    agent.bmcs[name].set_manufacturer(manufacturer);
    agent.bmcs[name].set_model(model);
    *agent.bmcs[name].mutable_inventory() = std::move(inventory);
    mesh.apply(Mesh::server_object(name, agent.name, number));
    agent.answer_inspections();
  }

  static rest::Rollout everybody(const std::string& name) {
    rest::Rollout rollout = Mesh::rollout_object(name);
    rollout.mutable_spec()->mutable_parallel()->set_total(1000);
    rollout.mutable_spec()->mutable_parallel()->set_per_site(1000);
    rollout.mutable_spec()->mutable_stop_after()->set_no_canary(true);
    return rollout;
  }
};

/// Of one maker, with root in bay 0 and the cards in slot 3; memory must be.
rest::HardwareType r650() {
  rest::HardwareType out = TypedFleet::type("r650", "Dell Inc.", "PowerEdge R650");
  out.mutable_spec()->mutable_expect()->mutable_memory()->set_size(512 * gigabyte);
  out.mutable_spec()->mutable_expect()->mutable_memory()->set_must(true);
  (*out.mutable_spec()->mutable_disks())["root"].set_name("Disk.Bay.0");
  (*out.mutable_spec()->mutable_nics())["prod0"].set_name("NIC.Slot.3-1*");
  return out;
}
Inventory an_r650(int number) {
  Inventory out;
  out.set_memory_bytes(512 * gibibyte);
  for (int bay : {1, 0, 2})
    TypedFleet::drive(out, fmt::format("Disk.Bay.{}", bay), fmt::format("D{:04}B{}", number, bay),
                      960 * gigabyte, "SSD")
        .set_wwn(fmt::format("naa.5000c500{:07x}{}", number, bay));
  TypedFleet::nic(out, "NIC.Slot.3-2-1",
                  fmt::format("b4:7a:f1:02:{:02x}:{:02x}", number / 256, number % 256));
  TypedFleet::nic(out, "NIC.Slot.3-1-1",
                  fmt::format("b4:7a:f1:01:{:02x}:{:02x}", number / 256, number % 256));
  return out;
}

/// Of another, where root is the smallest SSD, prod0 the first card, and nothing must be.
rest::HardwareType dl360() {
  rest::HardwareType out = TypedFleet::type("dl360", "HPE", "ProLiant DL360*");
  out.mutable_spec()->mutable_expect()->mutable_memory()->set_size(256 * gigabyte);
  rest::DiskRule& root = (*out.mutable_spec()->mutable_disks())["root"];
  root.set_media("SSD");
  root.set_by("size");
  root.set_index(1);
  (*out.mutable_spec()->mutable_nics())["prod0"].set_index(1);
  return out;
}
Inventory a_dl360(int number) {
  Inventory out;
  out.set_memory_bytes(256 * gibibyte);
  TypedFleet::drive(out, "1I:1:1", fmt::format("H{:04}A", number), 1920 * gigabyte, "SSD");
  TypedFleet::drive(out, "1I:1:9", fmt::format("H{:04}R", number), 480 * gigabyte, "SSD");
  TypedFleet::drive(out, "1I:1:2", fmt::format("H{:04}C", number), 240 * gigabyte, "HDD");
  for (int port : {10, 2})
    TypedFleet::nic(out, fmt::format("{}", port),
                    fmt::format("b4:7a:f1:{:02x}:{:02x}:{:02x}", port, number / 256, number % 256));
  return out;
}

/// Of a third, whose BMCs list no drives; two processors must be.
rest::HardwareType x11() {
  rest::HardwareType out = TypedFleet::type("x11", "Supermicro", "SYS-*");
  out.mutable_spec()->mutable_expect()->mutable_processors()->set_sockets(2);
  out.mutable_spec()->mutable_expect()->mutable_processors()->set_must(true);
  rest::DiskRule& root = (*out.mutable_spec()->mutable_disks())["root"];
  root.set_media("SSD");
  root.set_min_size(400 * gigabyte);
  (*out.mutable_spec()->mutable_nics())["prod0"].set_name("2");
  return out;
}
Inventory an_x11(int number) {
  Inventory out;
  out.mutable_processors()->set_count(2);
  for (int port : {1, 2})
    TypedFleet::nic(out, fmt::format("{}", port),
                    fmt::format("b4:7a:f1:{:02x}:{:02x}:{:02x}", 0x20 + port, number / 256, number % 256));
  return out;
}

TEST_F(TypedFleet, OfThreeHundredMixedServersExactlyThoseStayOutThatMustBeOtherwise) {
  for (const rest::HardwareType& one : {r650(), dl360(), x11()}) mesh.apply(one);
  for (int i = 0; i < 300; ++i) {
    const std::string name = fmt::format("s{:03}", i);
    if (i < 150) {
      Inventory has = an_r650(i);
      if (i == 7) has.set_memory_bytes(480 * gibibyte);
      if (i == 40) has.mutable_drives(1)->set_name("Disk.Bay.3");
      add(name, i, "Dell Inc.", "PowerEdge R650", std::move(has));
    } else if (i < 250) {
      Inventory has = a_dl360(i);
      if (i == 170) has.clear_nics();
      if (i == 180) has.set_memory_bytes(128 * gibibyte);
      add(name, i, "HPE", "ProLiant DL360 Gen11", std::move(has));
    } else {
      Inventory has = an_x11(i);
      if (i == 260) has.mutable_processors()->set_count(1);
      add(name, i, "Supermicro", "SYS-1029P", std::move(has));
    }
  }
  rest::Plan made = plan(everybody("r"));
  EXPECT_EQ(reasons(made), (std::map<std::string, std::string>{{"s007", "HARDWARE_DEVIATES"},
                                                               {"s040", "ROLE_UNRESOLVED"},
                                                               {"s170", "ROLE_UNRESOLVED"},
                                                               {"s260", "HARDWARE_DEVIATES"}}));
  std::map<std::string, std::string> why;
  for (const auto& out : made.excluded()) why[out.name()] = out.message();
  EXPECT_EQ(why["s007"], "as hardware type r650 it must not differ in: 480 of 512 GB memory");
  EXPECT_THAT(why["s040"],
              AllOf(HasSubstr("role root of hardware type r650: no drive matches (name Disk.Bay.0)"),
                    HasSubstr("Disk.Bay.3 (960 GB SSD, D0040B0)")));
  EXPECT_THAT(why["s170"], HasSubstr("role prod0 of hardware type dl360: no card matches"));
  EXPECT_EQ(why["s260"], "as hardware type x11 it must not differ in: 1 of 2 processors");

  // The plan is in pages when it is long.
  std::vector<rest::PlanServer> planned(made.servers().begin(), made.servers().end());
  ASSERT_EQ(planned.size(), 296U);
  mesh.must(order("r"));
  for (int i = 0; i < 20 && agent.orders() < 296; ++i) mesh.run_for(std::chrono::seconds(1));
  std::set<std::string> seen;
  for (const rest::PlanServer& server : planned) {
    const auto handed = agent.last_order(server.name());
    ASSERT_TRUE(handed) << server.name();
    const std::string answer = rendered(handed->agreed.install());
    ASSERT_EQ(server.roles_size(), 2) << server.ShortDebugString();
    const rest::RoleChoice& root = server.roles(0);
    const rest::RoleChoice& prod0 = server.roles(1);
    EXPECT_EQ(root.role() + prod0.role(), "rootprod0");
    EXPECT_THAT(answer, HasSubstr("ifname=prod0:" + prod0.mac())) << server.name();
    EXPECT_TRUE(seen.insert(prod0.mac()).second);
    for (const auto& nic : agent.bmcs[server.name()].inventory().nics())
      EXPECT_EQ(answer.find(nic.macs(0)) != std::string::npos, nic.macs(0) == prod0.mac()) << server.name();
    if (server.hardware_type() == "x11") {
      EXPECT_EQ(root.looked_for(), "SSD, at least 400 GB");
      EXPECT_THAT(answer, AllOf(HasSubstr("queue/rotational\")\" = 0"), HasSubstr("-ge 400000000000"),
                                HasSubstr("more than one disk matches the order")));
    } else {
      EXPECT_THAT(answer, HasSubstr("ID_SERIAL_SHORT=" + root.serial())) << server.name();
      EXPECT_TRUE(seen.insert(root.serial()).second);
      if (!root.wwn().empty()) EXPECT_THAT(answer, HasSubstr(root.wwn().substr(4)));
    }
    for (const auto& drive : agent.bmcs[server.name()].inventory().drives())
      EXPECT_EQ(answer.find(drive.serial()) != std::string::npos, drive.serial() == root.serial())
          << server.name() << " " << drive.serial();
    EXPECT_EQ(server.remarks_size(), server.name() == "s180" ? 1 : 0);
    if (server.name() == "s180") EXPECT_EQ(server.remarks(0), "128 of 256 GB memory");
    if (server.name() == "s000") EXPECT_EQ(root.serial() + root.name(), "D0000B0Disk.Bay.0");
    if (server.name() == "s200") EXPECT_EQ(root.serial() + prod0.name(), "H0200R2");
  }
}

struct OneR650 : TypedFleet {
  OneR650() {
    mesh.apply(r650());
    add("s0", 0, "Dell Inc.", "PowerEdge R650", an_r650(0));
  }
  void inspect() {
    mesh.must(InspectServer{"s0"});
    agent.answer_inspections();
  }
  /// Why it is not in a plan; empty: it is.
  std::string why() {
    const rest::Plan made = plan(everybody("why"));
    return made.excluded().empty() ? "" : made.excluded(0).reason() + ": " + made.excluded(0).message();
  }
};

TEST_F(OneR650, AnotherDriveInItsBayIsAnotherPlan) {
  const rest::Plan before = plan(everybody("r"));
  EXPECT_EQ(before.servers(0).roles(0).serial(), "D0000B0");
  agent.bmcs["s0"].mutable_inventory()->mutable_drives(1)->set_serial("NEW");
  agent.bmcs["s0"].set_power("On");
  inspect();
  inspect();  // the old one is gone when two readings did not show it
  agent.bmcs["s0"].set_power("Off");
  inspect();
  const auto refused = mesh.ask(order("r"));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("stale"));
  const rest::Plan after = plan(everybody("r"));
  EXPECT_EQ(after.servers(0).roles(0).serial(), "NEW");
  EXPECT_NE(after.digest(), before.digest());
}

TEST_F(OneR650, AnotherRuleIsAnotherPlan) {
  plan(everybody("r"));
  rest::HardwareType changed = r650();
  (*changed.mutable_spec()->mutable_disks())["root"].set_name("Disk.Bay.1");
  mesh.apply(changed);
  const auto refused = mesh.ask(order("r"));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("stale"));
  EXPECT_EQ(plan(everybody("r")).servers(0).roles(0).serial(), "D0000B1");
}

TEST_F(OneR650, ADiskBesideTheRoleIsRefusedByWhoeverNamesIt) {
  rest::Server server = Mesh::server_object("s0", "par1", 0);
  server.mutable_spec()->mutable_host()->mutable_disk()->set_path("/dev/sda");
  mesh.apply(server);
  EXPECT_THAT(why(), AllOf(HasSubstr("HOST_INVALID: host.disk: profile base takes the disk by role root"),
                           HasSubstr("and server s0 names one by host.disk: leave out one of them")));
  mesh.apply(Mesh::server_object("s0", "par1", 0));
  rest::Site site = Mesh::site("par1");
  site.mutable_spec()->mutable_host()->mutable_disk()->set_path("/dev/sda");
  mesh.apply(site);
  EXPECT_THAT(why(), HasSubstr("and site par1 names one"));
}

TEST_F(OneR650, WithoutATypeOrOfTwoNoRoleIsAnything) {
  mesh.apply(TypedFleet::type("also", "*", "*R650"));
  EXPECT_THAT(why(), HasSubstr("ROLE_UNRESOLVED: hardware types also and r650 both match it"));
  mesh.must(Delete{"HardwareType", "also", std::nullopt});
  mesh.must(Delete{"HardwareType", "r650", std::nullopt});
  EXPECT_THAT(
      why(), AllOf(HasSubstr("no hardware type matches manufacturer \"Dell Inc.\", model \"PowerEdge R650\""),
                   HasSubstr("metalmesh hardware-type capture NAME --from SERVER")));
  mesh.apply(TypedFleet::type("r650", "Dell Inc.", "*"));
  EXPECT_THAT(why(), HasSubstr("hardware type r650 has no disk role \"root\""));
}

TEST_F(OneR650, SeveralDrivesAreNoPlaceForASystem) {
  rest::HardwareType pair = r650();
  rest::DiskRule& root = (*pair.mutable_spec()->mutable_disks())["root"];
  root.set_name("Disk.Bay.?");
  root.set_count(3);
  mesh.apply(pair);
  EXPECT_THAT(why(), HasSubstr("is several drives"));
  root.clear_count();
  mesh.apply(pair);
  EXPECT_THAT(why(),
              HasSubstr("3 drives match (name Disk.Bay.?): Disk.Bay.0 (960 GB SSD, D0000B0), Disk.Bay.1"));
}

TEST_F(OneR650, TwoTypesAreToldWhereNoRoleIsAskedFor) {
  rest::Profile plain = Mesh::profile("base");
  mesh.apply(plain);
  mesh.apply(TypedFleet::type("also", "*", "*R650"));
  const rest::Plan made = plan(everybody("r"));
  ASSERT_EQ(made.servers_size(), 1);
  EXPECT_THAT(made.servers(0).remarks(),
              ElementsAre(HasSubstr("hardware types also and r650 both match it")));
  EXPECT_THAT(made.servers(0).roles(), IsEmpty());
}

TEST_F(OneR650, WhatMustBeHoldsForPlansWithoutRolesToo) {
  rest::Profile plain = Mesh::profile("base");
  mesh.apply(plain);
  EXPECT_EQ(why(), "");
  rest::HardwareType type = r650();
  rest::NicRule& storage = (*type.mutable_spec()->mutable_nics())["storage"];
  storage.set_name("NIC.Slot.7*");
  mesh.apply(type);
  const rest::Plan made = plan(everybody("r"));
  ASSERT_EQ(made.servers_size(), 1);
  EXPECT_THAT(made.servers(0).remarks(), ElementsAre(HasSubstr("role storage: no card matches")));
  storage.set_must(true);
  mesh.apply(type);
  EXPECT_THAT(why(),
              HasSubstr("HARDWARE_DEVIATES: as hardware type r650 it must not differ in: role storage"));
}

TEST_F(OneR650, AnInventoryThatNobodyReadLeavesItOutUntilItIsRead) {
  agent.bmcs["s1"] = bmc_report(1);
  agent.bmcs["s1"].set_bmc_key_sha256(agent.key);
  agent.bmcs["s1"].set_manufacturer("Dell Inc.");
  agent.bmcs["s1"].set_model("PowerEdge R650");
  mesh.apply(Mesh::server_object("s1", "par1", 1));
  agent.answer_inspections();
  const rest::Plan made = plan(everybody("r"));
  EXPECT_EQ(reasons(made), (std::map<std::string, std::string>{{"s1", "HARDWARE_DEVIATES"}}));
  EXPECT_THAT(made.excluded(0).message(), HasSubstr("was not read yet: metalmesh inspect s1"));
  *agent.bmcs["s1"].mutable_inventory() = an_r650(1);
  mesh.run_for(std::chrono::seconds(3));
  agent.answer_inspections();
  EXPECT_EQ(plan(everybody("r")).servers_size(), 2) << "the plan asked for it";
}

TEST_F(OneR650, AnOrderNamesADriveByWhatTheFamilyCanLookFor) {
  const auto disk = [&](const std::string& family) {
    rest::Profile profile = mesh.state().profiles.at("base");
    profile.mutable_spec()->set_family(family);
    rest::Image image = Mesh::image("rocky");
    image.mutable_spec()->set_family(family);
    profile.mutable_spec()->mutable_host()->mutable_root()->set_password_hash(
        "$6$leastleast$UiZikbV3VeeBPsg8");
    mesh.apply(image);
    mesh.apply(profile);
    const rest::Server server = mesh.server("s0");
    const auto made =
        preview_install(mesh.state(), hardware_of(mesh.state(), mesh.store, server), profile, "", server);
    std::string text;
    if (!made) return made.error().message;
    for (const auto& file : made->files()) text += file.text();
    return text;
  };
  EXPECT_THAT(disk("rhel"), AllOf(HasSubstr("ID_SERIAL_SHORT=D0000B0"), HasSubstr("5000c50000000000")));
  EXPECT_THAT(disk("esxi"),
              AllOf(HasSubstr("/vmfs/devices/disks/naa.5000c50000000000"), Not(HasSubstr("D0000B0"))));
  EXPECT_THAT(disk("agama"), HasSubstr("cannot express a disk by its serial; it can by: path"));
  rest::HardwareType type = r650();
  (*type.mutable_spec()->mutable_disks())["root"].set_mark("wwn");
  mesh.apply(type);
  EXPECT_THAT(disk("rhel"), AllOf(HasSubstr("5000c50000000000"), Not(HasSubstr("D0000B0"))));
}

TEST_F(TypedFleet, AFamilyThatCannotLookForADiskIsSaidSo) {
  mesh.apply(x11());
  add("s0", 0, "Supermicro", "SYS-1029P", an_x11(0));
  rest::Profile profile = mesh.state().profiles.at("base");
  rest::Image image = Mesh::image("rocky");
  for (auto* family : {profile.mutable_spec()->mutable_family(), image.mutable_spec()->mutable_family()})
    *family = "esxi";
  profile.mutable_spec()->mutable_host()->mutable_root()->set_password_hash("$6$leastleast$UiZikbV3VeeBPsg8");
  mesh.apply(image);
  mesh.apply(profile);
  const rest::Plan made = plan(everybody("r"));
  EXPECT_EQ(reasons(made)["s0"], "NOT_EXPRESSIBLE");
  EXPECT_THAT(
      made.excluded(0).message(),
      AllOf(HasSubstr("role root: its BMC lists no drives, so the installer is to look for the disk (SSD"),
            HasSubstr("family esxi cannot express a disk by its size")));
}

}  // namespace
}  // namespace metalmesh::testing
