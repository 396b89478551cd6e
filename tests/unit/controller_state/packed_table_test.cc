// Objects that are kept as rows and read when somebody asks: used like a map, and never older than what was put.
#include "controller/state/packed_table.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {
namespace {

rest::Server packed_server(const std::string& name, const std::string& site) {
  rest::Server server;
  server.mutable_metadata()->set_name(name);
  server.mutable_spec()->set_site(site);
  return server;
}

struct Packed : ::testing::Test {
  Packed() {
    for (const char* name : {"b", "a", "c"}) {
      table.put(name, packed_server(name, "par1"));
      settle(name);
    }
    table.let_go();
  }
  /// What a flush does.
  void settle(const std::string& name) { table.keep(name, encode_row(table.at(name))); }
  PackedTable<rest::Server> table{0};
};

TEST_F(Packed, IsUsedLikeAMap) {
  EXPECT_EQ(table.size(), 3U);
  EXPECT_TRUE(table.contains("a"));
  EXPECT_EQ(table.find("x"), table.end());
  EXPECT_EQ(table.at("b").metadata().name(), "b");
  EXPECT_EQ(table.find("c")->second.spec().site(), "par1");
  std::string names;
  for (const auto& [name, server] : table) names += name + server.metadata().name();
  EXPECT_EQ(names, "aabbcc") << "in the order of their names";
  EXPECT_EQ(table.upper_bound("a")->first, "b");
  const auto found =
      std::ranges::find_if(table, [](const auto& entry) { return entry.second.metadata().name() == "b"; });
  ASSERT_NE(found, table.end());
  EXPECT_EQ(found->first, "b");
  table.erase(table.find("b"));
  EXPECT_FALSE(table.contains("b"));
  table.let_go();
  EXPECT_EQ(table.size(), 2U);
}

TEST_F(Packed, AReferenceShowsWhatIsChangedUntilItIsLetGo) {
  const rest::Server& seen = table.at("a");
  table.edit("a").mutable_spec()->set_site("lyo2");
  EXPECT_EQ(seen.spec().site(), "lyo2");
  table.put("a", packed_server("a", "ams3"));
  EXPECT_EQ(seen.spec().site(), "ams3");
  for (const auto& [name, server] : table) EXPECT_EQ(server.spec().site(), name == "a" ? "ams3" : "par1");
  settle("a");
  table.let_go();
  EXPECT_EQ(table.at("a").spec().site(), "ams3");
}

TEST_F(Packed, WhoWalksOnKeepsNothing) {
  auto at = table.begin();
  const rest::Server first = at->second;
  EXPECT_EQ(&at->second, &at->second) << "read once at each step";
  const auto before = at++;
  EXPECT_EQ(before->first, "a");
  EXPECT_EQ(at->first, "b");
  table.let_go();
  EXPECT_EQ(at->second.metadata().name(), "b") << "read again when it is asked for";
}

TEST(FewObjects, StayReadUntilThereAreMore) {
  PackedTable<rest::Server> table(2);
  const auto add = [&](const std::string& name) {
    table.put(name, packed_server(name, "par1"));
    table.keep(name, encode_row(table.at(name)));
    table.let_go();
  };
  add("a");
  add("b");
  const rest::Server* const read = &table.at("a");
  for (const auto& [name, server] : table)
    EXPECT_EQ(&server, &table.at(name)) << "who walks on reads for all";
  table.edit("a").mutable_spec()->set_site("lyo2");
  EXPECT_DEATH(table.let_go(), "check failed");
  table.keep("a", encode_row(table.at("a")));
  table.let_go();
  EXPECT_EQ(&table.at("a"), read);
  EXPECT_EQ(table.at("a").spec().site(), "lyo2");
  add("c");
  const auto at = table.begin();
  EXPECT_EQ(at->second.spec().site(), "lyo2");
  EXPECT_NE(&at->second, &table.at("a")) << "let go with all others";
}

TEST_F(Packed, WhatWasChangedAndHasNoRowIsNotLetGo) {
  table.edit("a").mutable_spec()->set_site("lyo2");
  EXPECT_DEATH(table.let_go(), "check failed");
}

}  // namespace
}  // namespace metalmesh::controller
