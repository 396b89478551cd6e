// What a machine is made of: read tolerantly, within a number of requests, and from recorded trees where they are at hand
// (../shared/redfish-mockups beside the checkout).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/ports/wire_time.h"
#include "tests/unit/bmc/talk.h"

namespace metalmesh::bmc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using wire::Inventory;

namespace fs = std::filesystem;

fs::path recorded() {
  return (fs::path(__FILE__).parent_path() / "../../../../shared/redfish-mockups").lexically_normal();
}

const std::string system_1 = "/redfish/v1/Systems/1";
const std::string storage = system_1 + "/Storage";

std::string link(const std::string& path) { return R"({"@odata.id":")" + path + "\"}"; }

bool take_inventory(Talk& talk) {
  return talk.ask([&](Turn& turn) {
    for (const auto step :
         {&Dialogue::connect, &Dialogue::find_managers, &Dialogue::survey, &Dialogue::take_inventory})
      if ((talk.dialogue.*step)(turn) == Verdict::busy) return Verdict::busy;
    return Verdict::done;
  });
}

/// A machine that tells everything.
Talk full_machine() {
  Talk talk;
  talk.tree[system_1] = Talk::system("1", Talk::uuid, Talk::serial,
                                     R"x(,"BiosVersion":"U58 v2.44 (01/17/2025)",
    "ProcessorSummary":{"Count":2,"Model":"EPYC 7763   ","CoreCount":128},"MemorySummary":{"TotalSystemMemoryGiB":512},
    "Status":{"Health":"OK","HealthRollup":"Warning"},"SecureBoot":)x" +
                                         link(system_1 + "/SecureBoot") + R"(,"Bios":)" +
                                         link(system_1 + "/Bios") + R"(,"Storage":)" + link(storage));
  talk.tree["/redfish/v1/Managers/1"] =
      R"({"@odata.id":"/redfish/v1/Managers/1","Model":"M","FirmwareVersion":"2.60",
    "DateTime":"1970-01-01T02:10:00+02:00","NetworkProtocol":)" +
      link("/redfish/v1/Managers/1/NetworkProtocol") + "}";
  talk.tree[system_1 + "/EthernetInterfaces/1"] =
      R"({"Id":"eno1","MACAddress":"3C:A8:2A:00:00:01","LinkStatus":"LinkUp","SpeedMbps":25000})";
  talk.tree[system_1 + "/SecureBoot"] = R"({"SecureBootCurrentBoot":"Disabled"})";
  talk.tree[system_1 + "/Bios"] = R"({"Attributes":{"BootMode":"LegacyBios","SecureBootMode":"UEFI"}})";
  talk.tree["/redfish/v1/Managers/1/NetworkProtocol"] =
      R"({"IPMI":{"ProtocolEnabled":true},"HTTPS":{"Certificates":)" + link("/redfish/v1/Certs") + "}}";
  talk.tree["/redfish/v1/Certs"] = Talk::list({"/redfish/v1/Certs/1"});
  talk.tree["/redfish/v1/Certs/1"] = R"({"Subject":{"CommonName":"ilo"},"Issuer":{"CommonName":"ilo"},
    "ValidNotAfter":"2033-3-31T14:53:00+00:00"})";
  talk.tree[storage] = Talk::list({storage + "/A"});
  talk.tree[storage + "/A"] =
      R"({"Id":"A","StorageControllers":[{"Name":"PERC","Model":"H755","FirmwareVersion":"52.1"}],
    "Drives":[)" +
      link(storage + "/A/D0") + "," + link(storage + "/A/D1") + "," + link(storage + "/A/D2") +
      R"(],"Volumes":)" + link(storage + "/A/Volumes") + "}";
  talk.tree[storage + "/A/D0"] =
      R"({"Id":"Bay.0","Model":"PM9A3","SerialNumber":"S1","CapacityBytes":480103981056,
    "MediaType":"SSD","Protocol":"NVMe","Status":{"Health":"OK"},"Identifiers":[{"DurableName":"0025385B01","DurableNameFormat":"EUI"}]})";
  talk.tree[storage + "/A/D1"] = R"({"Id":"1","Status":{"State":"Absent"},"Model":"left over"})";
  talk.tree[storage + "/A/D2"] =
      R"({"Id":"2","PhysicalLocation":{"PartLocation":{"ServiceLabel":"Box 1:Bay 2"}},
    "Model":null,"SerialNumber":"S2","CapacityBytes":"7.5","Identifiers":"what"})";
  talk.tree[storage + "/A/Volumes"] =
      Talk::list({storage + "/A/Volumes/0", storage + "/A/Volumes/Capabilities"});
  talk.tree[storage + "/A/Volumes/0"] = R"({"Id":"0","RAIDType":"RAID1","CapacityBytes":480000000000,
    "Identifiers":[{"DurableName":"6f4ee080","DurableNameFormat":"NAA"}],"Links":{"Drives":[)" +
                                        link(storage + "/A/D0") + "]}}";
  talk.tree[storage + "/A/Volumes/Capabilities"] = R"({"Id":"Capabilities"})";
  return talk;
}

TEST(Inventory, IsReadAsItIsTold) {
  Talk talk = full_machine();
  ASSERT_TRUE(take_inventory(talk));
  const Inventory seen = talk.dialogue.inventory();
  EXPECT_EQ(seen.processors().model(), "EPYC 7763");
  EXPECT_EQ(seen.processors().cores(), 128U);
  EXPECT_EQ(seen.memory_bytes(), std::uint64_t{512} << 30U);
  EXPECT_EQ(seen.bios(), "U58 v2.44 (01/17/2025)");
  EXPECT_EQ(seen.bmc_firmware(), "2.60");
  EXPECT_EQ(seen.health(), Inventory::WARNING);
  EXPECT_EQ(seen.boot_mode(), Inventory::LEGACY);
  EXPECT_EQ(seen.secure_boot(), Inventory::OFF);
  EXPECT_EQ(seen.ipmi(), Inventory::ON);
  EXPECT_EQ(seen.clock_ahead(), 600);
  ASSERT_EQ(seen.certificates_size(), 1);
  EXPECT_TRUE(seen.certificates(0).self_signed());
  EXPECT_EQ(seen.certificates(0).expires().seconds(), 1995893580);
  ASSERT_EQ(seen.drives_size(), 2) << "an empty bay is no drive";
  EXPECT_EQ(seen.drives(0).name(), "Bay.0");
  EXPECT_EQ(seen.drives(0).wwn(), "eui.0025385b01");
  EXPECT_EQ(seen.drives(0).bytes(), 480103981056U);
  EXPECT_EQ(seen.drives(0).health(), Inventory::HEALTHY);
  EXPECT_EQ(seen.drives(1).name(), "Box 1:Bay 2");
  EXPECT_EQ(seen.drives(1).model(), "") << "null is not told";
  ASSERT_EQ(seen.volumes_size(), 1);
  EXPECT_EQ(seen.volumes(0).wwn(), "naa.6f4ee080");
  EXPECT_THAT(seen.volumes(0).drives(), ElementsAre(storage + "/A/D0"));
  ASSERT_EQ(seen.controllers_size(), 1);
  EXPECT_EQ(seen.controllers(0).firmware(), "52.1");
  ASSERT_EQ(seen.nics_size(), 1);
  EXPECT_EQ(seen.nics(0).link(), Inventory::ON);
  EXPECT_EQ(seen.nics(0).mbps(), 25000U);
  EXPECT_THAT(seen.unread(), testing::IsEmpty());
}

TEST(Inventory, WhatIsNotToldIsAbsentAndCostsNothing) {
  Talk talk;
  ASSERT_TRUE(take_inventory(talk));
  const auto asked = talk.asked.size();
  const Inventory seen = talk.dialogue.inventory();
  EXPECT_FALSE(seen.has_processors());
  EXPECT_FALSE(seen.has_clock_ahead());
  EXPECT_EQ(seen.secure_boot(), Inventory::SWITCH_UNTOLD);
  EXPECT_EQ(seen.bmc_firmware(), "1.2");
  EXPECT_EQ(asked, 7U) << "what tells who the machine is, and nothing more";
}

TEST(Inventory, CollectionsComeWithTheirMembersWhereThatIsOffered) {
  Talk talk = full_machine();
  talk.tree["/redfish/v1/"].insert(
      1, R"("ProtocolFeaturesSupported":{"ExpandQuery":{"NoLinks":true,"Levels":true}},)");
  const auto all = [&](const std::string& path, std::initializer_list<std::string> members) {
    std::string body;
    for (const std::string& member : members) {
      std::string resource = talk.tree.at(member);
      resource.insert(1, R"("@odata.id":")" + member + "\",");
      body += (body.empty() ? "" : ",") + resource;
    }
    talk.tree[path + "?$expand=.($levels=1)"] = R"({"Members":[)" + body + "]}";
  };
  all(storage, {storage + "/A"});
  all(storage + "/A/Volumes", {storage + "/A/Volumes/0"});
  all("/redfish/v1/Certs", {"/redfish/v1/Certs/1"});
  ASSERT_TRUE(take_inventory(talk));
  EXPECT_EQ(talk.times("GET " + storage + "/A"), 0);
  EXPECT_EQ(talk.times("GET /redfish/v1/Certs/1"), 0);
  const Inventory seen = talk.dialogue.inventory();
  EXPECT_EQ(seen.drives_size(), 2);
  EXPECT_EQ(seen.volumes_size(), 1);
  EXPECT_EQ(seen.certificates_size(), 1);
}

TEST(Inventory, ABmcThatOffersToExpandAndCannotIsAskedOneByOne) {
  Talk talk = full_machine();
  talk.tree["/redfish/v1/"].insert(
      1, R"("ProtocolFeaturesSupported":{"ExpandQuery":{"NoLinks":true,"Levels":true}},)");
  ASSERT_TRUE(take_inventory(talk));
  EXPECT_EQ(talk.dialogue.inventory().drives_size(), 2);
  EXPECT_EQ(std::ranges::count_if(talk.asked, [](const auto& each) { return each.contains("$expand"); }), 1)
      << "once is enough to know it";
}

TEST(Inventory, WhatCannotBeReadIsNamedAndTheRestIsThere) {
  Talk talk = full_machine();
  talk.behaves["GET " + system_1 + "/Bios"] = [](const HttpRequest&) { return Talk::reply(500, "no"); };
  talk.tree[storage + "/A/D0"] = "{broken";
  talk.tree.erase(storage + "/A/D2");
  ASSERT_TRUE(take_inventory(talk));
  const Inventory seen = talk.dialogue.inventory();
  EXPECT_EQ(seen.boot_mode(), Inventory::BOOT_MODE_UNTOLD);
  EXPECT_THAT(seen.unread(), testing::UnorderedElementsAre(HasSubstr("HTTP 500 for " + system_1 + "/Bios"),
                                                           HasSubstr("HTTP 404 for " + storage + "/A/D2")));
  EXPECT_EQ(seen.drives_size(), 0);
  EXPECT_EQ(seen.ipmi(), Inventory::ON);
}

TEST(Inventory, AsksForNoMoreThanItMay) {
  Talk talk = full_machine();
  std::string drives;
  for (int i = 0; i < 60; ++i) {
    const std::string path = storage + "/A/X" + std::to_string(i);
    talk.tree[path] = R"({"Id":"X","SerialNumber":")" + std::to_string(i) + R"("})";
    drives += (drives.empty() ? "" : ",") + link(path);
  }
  talk.tree[storage] = Talk::list({storage + "/A", storage + "/B"});
  talk.tree[storage + "/A"] = R"({"Id":"A","Drives":[)" + drives + "]}";
  talk.tree[storage + "/B"] = R"({"Id":"B","Drives":[)" + drives + "]}";
  ASSERT_TRUE(take_inventory(talk));
  EXPECT_LE(talk.asked.size(), 7U + InventoryReader::most_requests);
  EXPECT_THAT(talk.dialogue.inventory().unread(), ElementsAre(HasSubstr("80 requests are the most")));
  EXPECT_LE(talk.dialogue.inventory().ByteSizeLong(), 24U * 1024);
}

TEST(Inventory, MomentsNeedAnOffset) {
  using redfish::parse_moment;
  EXPECT_EQ(to_wire(*parse_moment("2024-08-08T18:48:10-05:00")).seconds(), 1723160890);
  EXPECT_EQ(to_wire(*parse_moment("2024-08-08T23:48:10.25Z")).seconds(), 1723160890);
  for (const char* bad : {"", "soon", "2024-08-08T18:48:10", "2024-13-08T18:48:10Z", "2024-02-30T00:00:00Z",
                          "9999-12-31T23:59:59Z", "2024-08-08T18:48:10+99:00"})
    EXPECT_FALSE(parse_moment(bad)) << bad;
}

struct Recorded {
  const char* tree;
  const char* processor;
  unsigned cores;
  unsigned gib;
  int drives;
  Inventory::BootMode mode;
  Inventory::Switch ipmi;
  const char* licence;
};
class RecordedInventory : public testing::TestWithParam<Recorded> {};

TEST_P(RecordedInventory, IsRead) {
  const fs::path tree = recorded() / GetParam().tree;
  if (!fs::exists(tree)) GTEST_SKIP() << "no recorded trees at " << recorded();
  Talk talk{redfish::Identity{}};
  talk.tree.clear();
  for (const auto& entry : fs::recursive_directory_iterator(tree)) {
    if (entry.path().filename() != "index.json") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    std::string body{std::istreambuf_iterator<char>(in), {}};
    const std::string path = "/" + fs::relative(entry.path().parent_path(), tree).string();
    talk.tree[path == "/redfish/v1" ? "/redfish/v1/" : path] = std::move(body);
  }
  ASSERT_TRUE(take_inventory(talk)) << (talk.trouble ? talk.trouble->seen : "");
  const Inventory seen = talk.dialogue.inventory();
  EXPECT_EQ(seen.processors().model(), GetParam().processor);
  EXPECT_EQ(seen.processors().cores(), GetParam().cores);
  EXPECT_EQ(seen.memory_bytes(), std::uint64_t{GetParam().gib} << 30U);
  EXPECT_EQ(seen.drives_size(), GetParam().drives);
  EXPECT_EQ(seen.boot_mode(), GetParam().mode);
  EXPECT_EQ(seen.secure_boot(), Inventory::OFF);
  EXPECT_EQ(seen.ipmi(), GetParam().ipmi);
  EXPECT_EQ(seen.licences().empty() ? "" : seen.licences(0).name(), GetParam().licence);
  EXPECT_FALSE(seen.bios().empty());
  EXPECT_TRUE(seen.has_clock_ahead());
  EXPECT_GT(seen.nics_size(), 0);
  EXPECT_LE(seen.ByteSizeLong(), 24U * 1024);
}

INSTANTIATE_TEST_SUITE_P(
    All, RecordedInventory,
    testing::Values(Recorded{"dell-idrac9-7.10-r750", "Intel(R) Xeon(R) Gold 6354 CPU @ 3.00GHz", 36, 128, 2,
                             Inventory::UEFI, Inventory::ON, "iDRAC9 15g Enterprise License"},
                    Recorded{"hpe-ilo5-2.72-dl385gen10plusv2", "AMD EPYC 7763 64-Core Processor", 0, 1024, 2,
                             Inventory::UEFI, Inventory::OFF, "iLO Advanced"},
                    Recorded{"lenovo-xcc-2.83-sr670v2", "Intel(R) Xeon(R) Platinum 8362 CPU @ 2.80GHz", 0,
                             1024, 4, Inventory::UEFI, Inventory::OFF,
                             "Lenovo XClarity Controller Enterprise Upgrade"},
                    Recorded{"supermicro-x13-sys821ge", "Intel(R) Xeon(R) processor", 0, 2048, 0,
                             Inventory::BOOT_MODE_UNTOLD, Inventory::ON, ""}),
    [](const auto& instance) {
      std::string name = instance.param.tree;
      std::erase_if(name, [](char c) { return c == '-' || c == '.'; });
      return name;
    });

}  // namespace
}  // namespace metalmesh::bmc
