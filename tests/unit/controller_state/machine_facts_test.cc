// What two accounts of one machine make together: the more careful of each fact.
#include <gtest/gtest.h>

#include "common/ports/memory_rows.h"
#include "common/ports/wire_time.h"
#include "controller/state/ledger.h"
#include "controller/state/machine_table.h"

namespace metalmesh::controller {
namespace {

using machines::Names;
using record::Machine;

constexpr WallTime noon{std::chrono::hours(24 * 365 * 50 + 12)};

rest::ServerIdentity identity(const std::string& uuid, const std::string& serial, const std::string& mac) {
  rest::ServerIdentity out;
  out.set_uuid(uuid);
  out.set_serial(serial);
  if (!mac.empty()) out.add_macs(mac);
  return out;
}

const std::string board = "4c4c4544-0042-4a10-8052-b2c04f333333";
const std::string other_board = "4c4c4544-0042-4a10-8052-b2c04f444444";

TEST(MachineFacts, NamesAreUsableOnesInTheirNormalForm) {
  const auto seen = identity("{" + board + "}", " CZ2D4F0A1B ", "B4-7A-F1-00-00-01");
  EXPECT_EQ(machines::names_of(seen), (Names{"mac=b4:7a:f1:00:00:01", "serial=CZ2D4F0A1B", "uuid=" + board}));
  EXPECT_TRUE(
      machines::names_of(identity("00000000-0000-0000-0000-000000000000", "Default string", "")).empty());
}

TEST(MachineFacts, OnlyUuidsAndSerialsContradict) {
  const Names one = machines::names_of(identity(board, "CZ2D4F0A1B", "b4:7a:f1:00:00:01"));
  EXPECT_FALSE(
      machines::contradicts(one, machines::names_of(identity(board, "CZ2D4F0A1B", "b4:7a:f1:00:00:02"))));
  EXPECT_FALSE(machines::contradicts(one, machines::names_of(identity("", "CZ2D4F0A1B", ""))));
  EXPECT_TRUE(machines::contradicts(one, machines::names_of(identity(other_board, "CZ2D4F0A1B", ""))));
  EXPECT_TRUE(machines::contradicts(one, machines::names_of(identity(board, "CZ2D4F9999", ""))));
}

TEST(MachineFacts, JoiningTakesTheMaximumOfEveryFact) {
  Machine one;
  one.set_seen(true);
  one.add_names("uuid=" + board);
  one.set_use_note("said to be new");
  one.set_generation(3);
  one.set_protected_(true);
  *one.mutable_unprotected_until() = to_wire(noon + std::chrono::hours(2));
  Machine other;
  other.set_seen(true);
  other.add_names("serial=CZ2D4F0A1B");
  other.set_use(Machine::IN_USE);
  other.set_use_note("imported");
  other.set_generation(2);
  other.set_protected_(true);
  *other.mutable_unprotected_until() = to_wire(noon + std::chrono::hours(1));
  other.mutable_installed()->set_image("rocky");
  other.set_blocked("replaced");
  other.add_unresolved()->set_deployment("d-1");
  for (const bool turned : {false, true}) {
    Machine both = turned ? other : one;
    machines::join(both, turned ? one : other);
    EXPECT_EQ(both.use(), Machine::IN_USE);
    EXPECT_EQ(both.use_note(), "imported");
    EXPECT_EQ(both.generation(), 3U);
    EXPECT_TRUE(both.protected_());
    EXPECT_EQ(from_wire(both.unprotected_until()), noon + std::chrono::hours(1));
    EXPECT_EQ(both.installed().image(), "rocky");
    EXPECT_EQ(both.blocked(), "replaced");
    EXPECT_EQ(both.unresolved_size(), 1);
    EXPECT_EQ(machines::names_of(both), (Names{"serial=CZ2D4F0A1B", "uuid=" + board}));
  }
  other.clear_unprotected_until();
  machines::join(one, other);
  EXPECT_FALSE(one.has_unprotected_until()) << "one of the two was never unprotected";
}

TEST(MachineFacts, WhatIsOnlySaidGivesWayToWhatWasSeen) {
  Machine said;
  said.add_names("address=par1/10.0.0.1");
  said.add_names("serial=TYPO1234");
  said.set_use(Machine::IN_USE);
  said.set_use_note("imported");
  Machine seen;
  seen.set_seen(true);
  seen.add_names("uuid=" + board);
  machines::join(seen, said);
  EXPECT_EQ(machines::names_of(seen), Names{"uuid=" + board});
  EXPECT_EQ(seen.use(), Machine::IN_USE);
}

TEST(MachineFacts, SaysWhatItHolds) {
  Machine machine;
  EXPECT_EQ(machines::holds(machine), "empty");
  machine.set_use(Machine::IN_USE);
  EXPECT_EQ(machines::holds(machine), "in use, not ours");
  machine.set_use(Machine::NEW);
  machine.mutable_installed()->set_image("rocky");
  *machine.mutable_installed()->mutable_at() = to_wire(noon);
  EXPECT_EQ(machines::holds(machine).find("rocky since 20"), 0U) << machines::holds(machine);
  machine.clear_installed();
  machine.set_damaged_by("d-7");
  EXPECT_NE(machines::holds(machine).find("d-7"), std::string::npos);
}

TEST(MachineTable, FindsByNameAndKeepsObjectsApart) {
  MachineTable table;
  Machine machine;
  machine.add_names("serial=A");
  table.put("m-1", machine);
  table.put("m-2", machine);
  EXPECT_EQ(table.sharing({"serial=A"}), (std::set<std::string>{"m-1", "m-2"}));
  machine.set_names(0, "serial=B");
  table.put("m-2", machine);
  EXPECT_EQ(table.sharing({"serial=A"}), std::set<std::string>{"m-1"});
  rest::Server server;
  server.mutable_metadata()->set_name("web1");
  server.mutable_status()->set_machine("m-1");
  table.bind(server);
  EXPECT_EQ(table.servers_of("m-1"), std::set<std::string>{"web1"});
  table.unbind(server);
  EXPECT_TRUE(table.servers_of("m-1").empty());
  table.erase("m-1");
  EXPECT_EQ(table.find("m-1"), nullptr);
  EXPECT_TRUE(table.sharing({"serial=A"}).empty());
}

TEST(Ledger, MachinesOutliveTheirObjects) {
  MemoryRows store;
  {
    Ledger ledger({});
    Machine machine;
    machine.add_names("serial=A");
    machine.set_use(Machine::IN_USE);
    ledger.put_machine("m-1", machine);
    rest::Server server;
    server.mutable_metadata()->set_name("web1");
    server.mutable_status()->set_machine("m-1");
    ledger.put(server);
    ledger.erase_server("web1");
    Batch batch;
    ledger.flush(batch, noon);
    store.commit(batch);
  }
  Ledger ledger(load_state(store).value());
  ASSERT_NE(ledger.machines().find("m-1"), nullptr);
  EXPECT_EQ(ledger.machines().find("m-1")->use(), Machine::IN_USE);
  EXPECT_TRUE(ledger.machines().servers_of("m-1").empty());
}

}  // namespace
}  // namespace metalmesh::controller
