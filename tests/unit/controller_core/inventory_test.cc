// What servers are made of: told once, kept in a row, small in memory; what changed is told, and nothing is called gone by one
// reading. Quiet inspections keep it true.
#include "controller/core/inventories.h"
#include "controller/core/inventory_changes.h"
#include "controller/core/object_query.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using wire::Inventory;

void add_drive(Inventory& to, const std::string& serial, std::uint64_t gigabytes) {
  auto& drive = *to.add_drives();
  drive.set_name("Bay " + serial);
  drive.set_serial(serial);
  drive.set_model("PM9A3 MZQL2960HCJR-00A07");
  drive.set_media("SSD");
  drive.set_bytes(gigabytes * 1'000'000'000);
  drive.set_health(Inventory::HEALTHY);
}

Inventory machine() {
  Inventory out;
  out.mutable_processors()->set_model("Intel(R) Xeon(R) Gold 6354 CPU @ 3.00GHz");
  out.mutable_processors()->set_count(2);
  out.mutable_processors()->set_cores(36);
  out.set_memory_bytes(std::uint64_t{512} << 30U);
  out.set_bmc_firmware("iLO 6 v1.66");
  out.set_bios("U58 v2.44 (01/17/2025)");
  out.set_boot_mode(Inventory::UEFI);
  out.set_secure_boot(Inventory::OFF);
  out.set_ipmi(Inventory::ON);
  out.set_clock_ahead(-4);
  out.set_health(Inventory::HEALTHY);
  for (int i = 0; i < 24; ++i) add_drive(out, "S" + std::to_string(i), 960);
  for (int i = 0; i < 4; ++i) {
    auto& nic = *out.add_nics();
    nic.set_name("eno" + std::to_string(i));
    nic.add_macs("3c:a8:2a:00:00:0" + std::to_string(i));
    nic.set_link(Inventory::ON);
  }
  auto& certificate = *out.add_certificates();
  certificate.set_subject("ilo");
  certificate.set_self_signed(true);
  certificate.mutable_expires()->set_seconds(1995893580);
  return out;
}

rest::ServerInventory row_of(Inventory inventory) {
  rest::ServerInventory out;
  out.set_server("s0");
  *out.mutable_inventory() = std::move(inventory);
  return out;
}

TEST(InventoryChanges, TheSameIsNoChange) {
  const auto change = compare_inventory(row_of(machine()), machine(), true);
  EXPECT_THAT(change.changes, IsEmpty());
  EXPECT_EQ(change.row.SerializeAsString(), row_of(machine()).SerializeAsString());
}

TEST(InventoryChanges, AreSaidAsPeopleSayThem) {
  Inventory now = machine();
  now.set_memory_bytes(std::uint64_t{480} << 30U);
  now.set_bmc_firmware("iLO 6 v1.70");
  now.set_secure_boot(Inventory::ON);
  now.set_clock_ahead(4000);
  now.mutable_drives(3)->set_health(Inventory::CRITICAL);
  now.mutable_nics(1)->set_link(Inventory::OFF);
  add_drive(now, "NEW", 480);
  EXPECT_THAT(
      compare_inventory(row_of(machine()), now, true).changes,
      ::testing::UnorderedElementsAre("memory 512 GB -> 480 GB", "BMC firmware iLO 6 v1.66 -> iLO 6 v1.70",
                                      "secure boot off -> on", "the BMC's clock is 4000 s ahead",
                                      "drive S3: health healthy -> critical",
                                      "network card 3c:a8:2a:00:00:01: link on -> off", "drive NEW is new"));
}

TEST(InventoryChanges, WhatIsNotToldStaysAsItWas) {
  Inventory now;
  now.set_bmc_firmware("iLO 6 v1.66");
  for (const bool complete : {true, false}) {
    const auto change = compare_inventory(row_of(machine()), now, complete);
    EXPECT_THAT(change.changes, IsEmpty());
    EXPECT_EQ(change.row.inventory().drives_size(), 24);
    EXPECT_EQ(change.row.inventory().memory_bytes(), std::uint64_t{512} << 30U);
    EXPECT_EQ(change.row.missing_size() > 0, complete);
  }
}

TEST(InventoryChanges, GoneIsWhatTwoWholeReadingsLack) {
  Inventory now = machine();
  now.mutable_drives()->DeleteSubrange(5, 1);
  const auto once = compare_inventory(row_of(machine()), now, true);
  EXPECT_THAT(once.changes, IsEmpty());
  EXPECT_THAT(once.row.missing(), ElementsAre("drive S5"));
  const auto off = compare_inventory(once.row, now, false);  // the host is off: many show no drives then
  EXPECT_THAT(off.changes, IsEmpty());
  EXPECT_THAT(off.row.missing(), ElementsAre("drive S5"));
  const auto twice = compare_inventory(off.row, now, true);
  EXPECT_THAT(twice.changes, ElementsAre("drive S5 is gone"));
  EXPECT_EQ(twice.row.inventory().drives_size(), 23);
  const auto back = compare_inventory(once.row, machine(), true);
  EXPECT_THAT(back.changes, IsEmpty());
  EXPECT_THAT(back.row.missing(), IsEmpty());
}

TEST(InventoryFacts, FitIntoThreeHundredBytes) {
  rest::ServerFacts facts = facts_of(machine());
  facts.set_number(7);
  EXPECT_EQ(facts.drives(), 24U);
  EXPECT_EQ(facts.disk_bytes(), 24U * 960'000'000'000U);
  EXPECT_EQ(facts.self_signed(), Inventory::ON);
  EXPECT_EQ(facts.certificate_expires().seconds(), 1995893580);
  RecordProperty("bytes_in_memory", static_cast<int>(facts.SpaceUsedLong()));
  std::cout << "facts of a server in memory: " << facts.SpaceUsedLong()
            << " bytes; its row: " << row_of(machine()).ByteSizeLong() << " bytes\n";
  EXPECT_LE(facts.SpaceUsedLong(), 300U);
}

rest::Server searched() {
  rest::Server server;
  server.mutable_metadata()->set_name("s0");
  server.mutable_spec()->set_site("par1");
  server.mutable_status()->set_bmc_firmware("iLO 6 v1.66");
  server.mutable_status()->set_model("PowerEdge R750");
  *server.mutable_status()->mutable_facts() = facts_of(machine());
  return server;
}

TEST(ObjectQuery, ComparesAsPeopleMeanIt) {
  const rest::Server server = searched();
  for (const char* fits : {"firmware.bmc < 1.70",
                           "firmware.bmc<1.100",
                           "firmware.bmc = 1.66",
                           "firmware.bmc >= 1.66",
                           "firmware.bios < 2.50",
                           "memory = 512GiB",
                           "memory >= 512GiB",
                           "memory < 1TB",
                           "cores = 36 and sockets=2",
                           "ipmi = on",
                           "secureBoot != on",
                           "model ~ \"poweredge r7*\"",
                           "site = par1 and name = s0",
                           "certificateExpires < 2034-01-01",
                           "clockAhead > -10",
                           "health = healthy",
                           "serial = unknown",
                           "ipmi != unknown",
                           "bootMode = uefi",
                           "disks > 20TB",
                           "selfSigned=on"}) {
    const auto query = ObjectQuery::of(fits);
    ASSERT_TRUE(query) << fits << ": " << query.error().message;
    EXPECT_TRUE(query->matches(server)) << fits;
  }
  for (const char* differs :
       {"firmware.bmc < 1.66", "firmware.bmc > 1.100", "memory > 512GiB", "cores = 36 and sockets = 1",
        "model ~ r7*", "serial = X", "serial != X", "ipmi = unknown"}) {
    const auto query = ObjectQuery::of(differs);
    ASSERT_TRUE(query) << differs;
    EXPECT_FALSE(query->matches(server)) << differs;
  }
}

TEST(ObjectQuery, FindsByPathsOfAnyKind) {
  rest::Server server = searched();
  (*server.mutable_metadata()->mutable_labels())["example.com/role"] = "web";
  server.mutable_spec()->mutable_identity()->add_macs("B4-7A-F1-00-00-01");
  server.mutable_spec()->mutable_identity()->add_macs("b4:7a:f1:00:00:02");
  server.mutable_spec()->set_protected_(true);
  for (const char* fits : {"metadata.labels.example.com/role = web", "spec.identity.macs = B4-7A-F1-00-00-01",
                           "mac = b4:7a:f1:00:00:01", "spec.protected = true", "status.facts.cores > 35",
                           "any ~ *f1:00:00:02", "any ~ poweredge*", "spec.hostname = unknown",
                           "metadata.labels.rack = unknown", "spec.identity.macs != x"}) {
    const auto query = ObjectQuery::of(fits);
    ASSERT_TRUE(query) << fits << ": " << query.error().message;
    EXPECT_TRUE(query->matches(server)) << fits;
  }
  for (const char* differs :
       {"metadata.labels.example.com/role != web", "mac = b4:7a:f1:00:00:03", "any ~ f1:00:00:02",
        "spec.protected = false", "metadata.labels.rack != web", "mac != b4:7a:f1:00:00:01"}) {
    const auto query = ObjectQuery::of(differs);
    ASSERT_TRUE(query) << differs << ": " << query.error().message;
    EXPECT_FALSE(query->matches(server)) << differs;
  }
  rest::Rollout rollout;
  rollout.mutable_spec()->set_image("rocky");
  rollout.mutable_metadata()->mutable_created()->set_seconds(1'700'000'000);  // 2023-11-14
  const auto query =
      ObjectQuery::of("spec.image = rocky and metadata.created > 2023-11-13", *rest::Rollout::descriptor());
  ASSERT_TRUE(query) << query.error().message;
  EXPECT_TRUE(query->matches(rollout));
  for (const auto& [text, told] :
       {std::pair("spec.sit = x", "did you mean site"), std::pair("spec = x", "none by itself"),
        std::pair("spec.site.x = y", "nothing more"), std::pair("metadata.labels = x", "name of an entry")}) {
    const auto bad = ObjectQuery::of(text);
    ASSERT_FALSE(bad) << text;
    EXPECT_THAT(bad.error().message, HasSubstr(told));
  }
}

TEST(ObjectQuery, RefusesWhatItDoesNotUnderstand) {
  const std::map<std::string, std::string> bad = {{"", "no field \"\""},
                                                  {"firmware.bcm < 2", "did you mean firmware.bmc"},
                                                  {"memory", "one of = !="},
                                                  {"memory > ", "a value is missing"},
                                                  {"memory > much", "no size"},
                                                  {"cores = few", "no whole number"},
                                                  {"certificateExpires < soon", "no date"},
                                                  {"memory ~ 5*", "no text"},
                                                  {"ipmi < unknown", "= or !="},
                                                  {"ipmi = \"on", "not closed"},
                                                  {"ipmi = on or cores = 1", "\"and\""}};
  for (const auto& [text, part] : bad) {
    const auto query = ObjectQuery::of(text);
    ASSERT_FALSE(query) << text;
    EXPECT_EQ(query.error().field, "where");
    EXPECT_THAT(query.error().message, HasSubstr(part)) << text;
  }
  EXPECT_THAT(ObjectQuery::of("x = 1").error().next, HasSubstr("firmware.bios"));
}

struct Inventories : ::testing::Test {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");
  void SetUp() override { mesh.add_ready("s0", agent, 0); }
  void tells(const Inventory& inventory) {
    *agent.bmcs["s0"].mutable_inventory() = inventory;
    agent.bmcs["s0"].set_power("On");
  }
  void inspect() {
    mesh.must(InspectServer{"s0"});
    agent.answer_inspections();
  }
  [[nodiscard]] std::size_t lines(const std::string& type) const {
    const auto events = mesh.events();
    return static_cast<std::size_t>(std::ranges::count(events, type, &rest::LogEvent::type));
  }
  [[nodiscard]] std::size_t asked_quietly() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        agent.commands, [](const auto& command) { return command.inspect_server().quiet(); }));
  }
};

TEST_F(Inventories, AreKeptAndTheirFactsShown) {
  tells(machine());
  inspect();
  EXPECT_EQ(mesh.server("s0").status().facts().number(), 1U);
  EXPECT_EQ(mesh.server("s0").status().facts().cores(), 36U);
  const auto held = inventory_of(mesh.store, mesh.server("s0"));
  ASSERT_TRUE(held);
  EXPECT_EQ(held->inventory().drives_size(), 24);
  EXPECT_EQ(lines("drift"), 0U) << "there is nothing to compare the first one with";
  for (const rest::LogEvent& event : mesh.events())
    EXPECT_FALSE(event.event().inspected().has_inventory()) << "the log does not hold it a second time";
  mesh.restart();
  EXPECT_EQ(mesh.server("s0").status().facts().drives(), 24U);
  mesh.must(Delete{"Server", "s0", std::nullopt, mesh.server("s0").status().seen().serial()});
  EXPECT_FALSE(*mesh.store.get(tables::row(tables::inventories, "s0")));
}

TEST_F(Inventories, WhatChangedIsToldOnce) {
  tells(machine());
  inspect();
  inspect();
  EXPECT_EQ(lines("drift"), 0U);
  EXPECT_EQ(mesh.server("s0").status().facts().number(), 1U);
  Inventory now = machine();
  now.set_ipmi(Inventory::OFF);
  tells(now);
  inspect();
  inspect();
  EXPECT_EQ(lines("drift"), 1U);
  EXPECT_TRUE(mesh.logged("server s0 is no longer as it was: IPMI over LAN on -> off"));
  EXPECT_EQ(mesh.server("s0").status().facts().number(), 2U);
}

TEST_F(Inventories, AreReadAgainQuietlyOnceAWeek) {
  tells(machine());
  inspect();
  const auto look = [&] {
    mesh.run_for(std::chrono::seconds(3));
    agent.answer_inspections();
    mesh.run_for(std::chrono::seconds(3));
  };
  look();
  EXPECT_EQ(asked_quietly(), 0U);
  mesh.pass(std::chrono::days(8));
  mesh.run_for(std::chrono::minutes(1));  // the site is heard again
  const std::size_t heard = lines("inspected");
  look();
  EXPECT_EQ(asked_quietly(), 1U);
  EXPECT_EQ(lines("inspected"), heard + 1U) << "each event of a site is in the log";
  EXPECT_EQ(lines("drift"), 0U);
  EXPECT_TRUE(std::ranges::all_of(agent.commands, [](const wire::Command& command) {
    return !command.inspect_server().quiet() || command.inspect_server().planned();
  })) << "a refused login holds nothing";
}

TEST_F(Inventories, NotBesideWorkAndNotWhereTheSiteSaysNever) {
  tells(machine());
  inspect();
  rest::Site site = mesh.state().sites.at("par1");
  site.mutable_spec()->mutable_inspect_every();
  mesh.apply(site);
  mesh.pass(std::chrono::days(8));
  mesh.run_for(std::chrono::minutes(1));
  EXPECT_EQ(asked_quietly(), 0U) << "0s: never";
  site.mutable_spec()->mutable_inspect_every()->set_seconds(60);
  EXPECT_FALSE(mesh.ask(Apply{site, std::nullopt})) << "more often than once an hour";
  site.mutable_spec()->mutable_inspect_every()->set_seconds(3600);
  mesh.apply(site);
  agent.bmcs["s0"].set_power("Off");
  inspect();
  mesh.start_rollout(Mesh::rollout_object("r"));
  agent.accept("s0");
  mesh.pass(std::chrono::hours(2));
  mesh.run_for(std::chrono::minutes(1));
  EXPECT_EQ(asked_quietly(), 0U) << "it is being installed";
  agent.succeed("s0");
  mesh.run_for(std::chrono::minutes(1));
  EXPECT_EQ(asked_quietly(), 1U);
}

}  // namespace
}  // namespace metalmesh::testing
