// What lists hold: all of it page by page, what was searched for, and hardware beside its types.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "controller/state/row_codec.h"
#include "tests/unit/controller_api/api_bench.h"

namespace metalmesh::controller {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> names_in(const HttpAnswer& page) {
  std::vector<std::string> names;
  const auto body = page.json();
  for (const auto& item : body.at("items").as_array()) {
    names.emplace_back(item.at("metadata").at("name").as_string());
  }
  return names;
}

TEST(ObjectLists, ServersAreSearched) {
  ApiBench bench;
  bench.furnish();
  const std::string all = "/api/v1/servers?where=";
  const auto servers = names_in(bench.get("/api/v1/servers"));
  ASSERT_FALSE(servers.empty());
  EXPECT_EQ(names_in(bench.get(all + "site%20%3D%20par1")), servers);
  EXPECT_TRUE(names_in(bench.get(all + "site%20%3D%20par1%20and%20cores%20%3E%201")).empty());
  EXPECT_EQ(names_in(bench.get(all + "cores%20%3D%20unknown")), servers);
  const HttpAnswer refused = bench.get(all + "bios%20%3D%201");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.text("field"), "where");
  EXPECT_NE(refused.text("next").find("firmware.bios"), std::string::npos);
  EXPECT_EQ(bench.get("/api/v1/images?where=name%20%3D%201").status, 400) << "only servers are searched";
}

TEST(ObjectLists, AnInventoryThatWasNotReadIsNotThere) {
  ApiBench bench;
  bench.furnish();
  EXPECT_TRUE(bench.get("/api/v1/inventories").json().at("items").as_array().empty());
  const std::string name = names_in(bench.get("/api/v1/servers")).front();
  const HttpAnswer none = bench.get("/api/v1/inventories/" + name);
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(none.text("next"), "metalmesh inspect " + name + " --wait");
  EXPECT_EQ(bench.get("/api/v1/inventories/nobody").status, 404);
}

TEST(ObjectLists, ServersAreShownBesideTheirHardwareTypes) {
  ApiBench bench;
  bench.furnish();
  const auto listed = [&](const std::string& query) {
    return bench.get("/api/v1/hardware" + query).json().at("items").as_array();
  };
  bench.put(
      "/api/v1/hardwaretypes/r650",
      R"({"spec":{"manufacturer":"dell*","model":"*R650","expect":{"memory":{"size":"512GB","must":true}},"disks":{"root":{"media":"SSD"}}}})");
  EXPECT_TRUE(listed("").empty()) << "nobody knows what s1 is";
  EXPECT_EQ(bench.get("/api/v1/hardware/s1").body, R"({"server":"s1","site":"par1"})");
  EXPECT_EQ(bench.get("/api/v1/hardware/nobody").status, 404);

  MemoryRows::Rows rows = bench.rows();
  rest::Server server;
  ASSERT_TRUE(decode_row(rows["o/server/s1"], server));
  server.mutable_status()->set_manufacturer("Dell Inc.");
  server.mutable_status()->set_model("PowerEdge R650");
  server.mutable_status()->mutable_facts()->set_number(1);
  rows["o/server/s1"] = encode_row(server);
  rest::ServerInventory inventory;
  inventory.set_server("s1");
  inventory.set_number(1);
  inventory.mutable_inventory()->set_memory_bytes(std::uint64_t{480} << 30U);
  inventory.mutable_inventory()->add_drives()->set_name("Bay 0");
  inventory.mutable_inventory()->mutable_drives(0)->set_media("SSD");
  inventory.mutable_inventory()->mutable_drives(0)->set_serial("S1");
  rows["n/s1"] = encode_row(inventory);
  bench.restore(std::move(rows));
  EXPECT_EQ(listed("").size(), 1U);
  EXPECT_EQ(listed("?type=r650").size(), 1U);
  EXPECT_TRUE(listed("?type=other").empty());
  EXPECT_TRUE(listed("?where=memory%20%3D%201GiB").empty());
  const auto one = bench.get("/api/v1/hardware/s1").json();
  EXPECT_EQ(one.at("type").as_string(), "r650");
  EXPECT_EQ(one.at("deviations").at(0).at("message").as_string(), "480 of 512 GB memory");
  EXPECT_TRUE(one.at("deviations").at(0).at("must").as_bool());
  EXPECT_EQ(one.at("roles").at(0).at("serial").as_string(), "S1");
}

TEST(ObjectLists, ListsComeInPagesThatNeitherRepeatNorSkip) {
  ApiBench bench;
  for (const char* name : {"e", "b", "d", "a", "c"}) bench.put(std::string("/api/v1/sites/") + name, "{}");
  const HttpAnswer all = bench.get("/api/v1/sites");
  EXPECT_THAT(names_in(all), ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_EQ(all.text("next"), "");

  const HttpAnswer first = bench.get("/api/v1/sites?limit=2");
  EXPECT_THAT(names_in(first), ElementsAre("a", "b"));
  EXPECT_EQ(first.text("next"), "b");
  bench.send("DELETE", "/api/v1/sites/b");
  bench.put("/api/v1/sites/aa", "{}");
  const HttpAnswer second = bench.get("/api/v1/sites?limit=2&after=b");
  EXPECT_THAT(names_in(second), ElementsAre("c", "d"));
  const HttpAnswer third = bench.get("/api/v1/sites?limit=2&after=d");
  EXPECT_THAT(names_in(third), ElementsAre("e"));
  EXPECT_EQ(third.text("next"), "");
  EXPECT_EQ(bench.get("/api/v1/sites?after=zzz").body, R"({"items":[]})");
}

TEST(ObjectLists, ListsAreFilteredByLabels) {
  ApiBench bench;
  bench.put("/api/v1/sites/a", R"({"metadata":{"labels":{"region":"eu","tier":"edge"}}})");
  bench.put("/api/v1/sites/b", R"({"metadata":{"labels":{"region":"us"}}})");
  bench.put("/api/v1/sites/c", R"({"metadata":{"labels":{"region":"eu"}}})");
  EXPECT_THAT(names_in(bench.get("/api/v1/sites?labelSelector=region%3Deu")), ElementsAre("a", "c"));
  EXPECT_THAT(names_in(bench.get("/api/v1/sites?labelSelector=region=eu,tier!=edge")), ElementsAre("c"));
  EXPECT_THAT(names_in(bench.get("/api/v1/sites?labelSelector=tier")), ElementsAre("a"));
  EXPECT_THAT(names_in(bench.get("/api/v1/sites?labelSelector=")), ElementsAre("a", "b", "c"));
  const HttpAnswer page = bench.get("/api/v1/sites?labelSelector=region=eu&limit=1");
  EXPECT_THAT(names_in(page), ElementsAre("a"));
  EXPECT_EQ(page.text("next"), "a");
}

}  // namespace
}  // namespace metalmesh::controller
