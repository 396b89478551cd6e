#include <gtest/gtest.h>

#include "common/base/machine_key.h"
#include "common/ports/memory_rows.h"
#include "common/ports/wire_time.h"
#include "controller/state/deployment_board.h"
#include "controller/state/deployment_states.h"
#include "controller/state/event_log.h"
#include "controller/state/identity_index.h"
#include "controller/state/ledger.h"
#include "controller/state/row_codec.h"
#include "controller/state/stamp_words.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

constexpr WallTime noon{std::chrono::hours(24 * 365 * 50 + 12)};

rest::Deployment deployment(const std::string& id, std::string_view state, std::uint32_t position = 1) {
  rest::Deployment d;
  d.set_id(id);
  d.set_rollout("r");
  d.set_server("s-" + id);
  d.set_site("par1");
  d.set_state(std::string(state));
  d.set_position(position);
  d.set_wave(1);
  return d;
}

TEST(RowCodec, ReadsBackAndRefusesTheFuture) {
  record::Generation row;
  row.set_generation(7);
  std::string value = encode_row(row);
  record::Generation back;
  ASSERT_TRUE(decode_row(value, back).has_value());
  EXPECT_EQ(back.generation(), 7U);
  value[0] = 9;
  EXPECT_EQ(decode_row(value, back).error().kind, ErrorKind::unsupported);
  EXPECT_EQ(decode_row("", back).error().kind, ErrorKind::corrupt);
  EXPECT_EQ(decode_row("\x01\xff\xff", back).error().kind, ErrorKind::corrupt);
}

TEST(RowCodec, CanonicalBytesDoNotDependOnInsertionOrder) {
  rest::Metadata a;
  rest::Metadata b;
  for (int i = 0; i < 50; ++i) (*a.mutable_labels())[std::to_string(i)] = "x";
  for (int i = 49; i >= 0; --i) (*b.mutable_labels())[std::to_string(i)] = "x";
  EXPECT_EQ(canonical_bytes(a), canonical_bytes(b));
}

TEST(EventLog, IsReadInOrderAndABadLineHidesNoOther) {
  MemoryRows store;
  Ledger ledger({});
  for (int i = 0; i < 300; ++i) {
    rest::LogEvent line;
    line.set_message("line " + std::to_string(i + 1));
    ledger.note(line, noon);
  }
  Batch batch;
  ledger.flush(batch, noon);
  store.commit(batch);
  store.commit({{event_key(200), "\x01\xff"}});
  const auto events = read_events(store, 198, 4);
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[0].message(), "line 199");
  EXPECT_EQ(events[1].type(), "damaged");
  EXPECT_EQ(events[1].id(), 200U);
  EXPECT_EQ(events[3].message(), "line 202");
  EXPECT_TRUE(read_events(store, 300, 10).empty());
  EXPECT_TRUE(read_events(store, UINT64_MAX, 10).empty());
}

TEST(Ledger, WhatIsFlushedIsLoadedAgain) {
  MemoryRows store;
  {
    Ledger ledger({});
    rest::Site site;
    site.mutable_metadata()->set_name("par1");
    site.mutable_status()->set_connected(true);
    ledger.put(site);
    rest::Server server;
    server.mutable_metadata()->set_name("web1");
    server.mutable_spec()->set_site("par1");
    server.mutable_spec()->mutable_identity()->set_serial("CZ2D4F0A1B");
    ledger.put(server);
    rest::Profile profile;
    profile.mutable_metadata()->set_name("base");
    ledger.put_version(profile, "content");
    rest::Rollout rollout;
    rollout.mutable_metadata()->set_name("r");
    ledger.put(rollout);
    ledger.put(deployment("d1", states::issued));
    ledger.put_order("d1", record::Order());
    ledger.put_wish("par1", "web1", record::InspectWish());
    ledger.raise_generation("u/s", 5);
    ledger.raise_generation("u/s", 3);
    ledger.set_epoch(4);
    record::SiteLink link;
    link.set_incarnation("x");
    ledger.put_link("par1", link);
    Batch batch;
    ledger.flush(batch, noon);
    store.commit(batch);
    batch.clear();
    ledger.flush(batch, noon);
    EXPECT_TRUE(batch.empty()) << "nothing changed since";
  }
  auto loaded = load_state(store);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  Ledger ledger(std::move(*loaded));
  EXPECT_EQ(ledger.mesh().sites.at("par1").metadata().version(), 1U);
  EXPECT_FALSE(ledger.mesh().sites.at("par1").status().connected()) << "live facts are not stored";
  EXPECT_EQ(ledger.mesh().profile_versions.count("base@1"), 1U);
  EXPECT_EQ(ledger.generation("u/s"), 5U);
  EXPECT_EQ(ledger.mesh().epoch, 4U);
  EXPECT_EQ(ledger.inner().wishes.at("par1").count("web1"), 1U);
  EXPECT_EQ(ledger.inner().orders.count("d1"), 1U);
  EXPECT_EQ(ledger.inner().links.at("par1").incarnation(), "x");
  EXPECT_EQ(ledger.mesh().rollouts.at("r").status().counts().at("ISSUED"), 1U);
  EXPECT_EQ(ledger.board().in_flight_at("par1"), 1U);
  rest::ServerIdentity same;
  same.set_serial("CZ2D4F0A1B");
  EXPECT_EQ(ledger.identities().clash("other", same, "")->other, "web1");
}

TEST(Ledger, ErasingARolloutTakesItsDeployments) {
  MemoryRows store;
  Ledger ledger({});
  rest::Rollout rollout;
  rollout.mutable_metadata()->set_name("r");
  ledger.put(rollout);
  ledger.put(deployment("d1", states::succeeded));
  Batch batch;
  ledger.flush(batch, noon);
  ledger.erase_rollout("r");
  ledger.flush(batch, noon);
  store.commit(batch);
  EXPECT_TRUE(store.rows().empty());
}

TEST(Ledger, OldIdempotentAnswersGoFirst) {
  Ledger ledger({});
  for (int i = 0; i < 10'005; ++i) ledger.put_answer("k" + std::to_string(i), {});
  EXPECT_EQ(ledger.inner().answers.size(), 10'000U);
  EXPECT_FALSE(ledger.inner().answers.contains("k4"));
  EXPECT_TRUE(ledger.inner().answers.contains("k5"));
}

TEST(Board, CountsFollowEveryChange) {
  DeploymentBoard board;
  const auto pending = deployment("d1", states::pending, 1);
  auto failed = deployment("d2", states::failed, 2);
  failed.set_disk(wire::DISK_BEING_WRITTEN);
  board.add(pending);
  board.add(failed);
  EXPECT_EQ(board.rollout("r").pending.at(1), "d1");
  EXPECT_EQ(board.rollout("r").failed_after_wipe, 1U);
  EXPECT_EQ(board.rollout("r").waves.at(1).missed, 1U);
  EXPECT_EQ(board.rollout("r").waves.at(1).open, 1U);
  board.remove(pending);
  board.add(deployment("d1", states::running, 1));
  EXPECT_TRUE(board.rollout("r").pending.empty());
  EXPECT_EQ(board.in_flight_at("par1"), 1U);
  EXPECT_EQ(board.rollout("r").counts.count("PENDING"), 0U);
}

TEST(IdentityIndex, SeesThroughSpellings) {
  IdentityIndex index;
  rest::Server server;
  server.mutable_metadata()->set_name("web1");
  server.mutable_spec()->mutable_bmc()->set_address("BMC1.example:443");
  server.mutable_status()->mutable_seen()->set_uuid("4c4c4544-0042-4a10-8052-b4c04f000001");
  index.add(server);
  rest::ServerIdentity other;
  other.set_uuid("{4C4C4544-0042-4A10-8052-B4C04F000001}");
  EXPECT_EQ(index.clash("web2", other, "")->field, "uuid");
  EXPECT_EQ(index.clash("web2", {}, "bmc1.example")->field, "bmc.address");
  EXPECT_FALSE(index.clash("web1", other, "bmc1.example").has_value());
  index.remove(server);
  EXPECT_FALSE(index.clash("web2", other, "bmc1.example").has_value());
}

TEST(Stamps, AreForPeopleInUtc) {
  google::protobuf::Timestamp stamp;
  stamp.set_seconds(1772424607);
  EXPECT_EQ(for_people(stamp), "2026-03-02 04:10:07 UTC");
  EXPECT_EQ(from_wire(to_wire(WallTime(Duration(-1)))), WallTime(Duration(-1)));
}

TEST(MachineKey, OneMachineOneKey) {
  const std::string key = machine_key("4c4c4544-0042-4a10-8052-b4c04f000001", "CZ2D4F0A1B");
  EXPECT_EQ(machine_key("{4C4C4544-0042-4A10-8052-B4C04F000001} ", " CZ2D4F0A1B\n"), key);
  EXPECT_NE(machine_key("4c4c4544-0042-4a10-8052-b4c04f000002", "CZ2D4F0A1B"), key);
  EXPECT_EQ(machine_key("00000000-0000-0000-0000-000000000000", "CZ2D4F0A1B"), "/CZ2D4F0A1B");
  EXPECT_EQ(machine_key("", "Default string", {"b4-7a-f1-00-00-02", "B4:7A:F1:00:00:01"}),
            "mac/b4:7a:f1:00:00:01");
  EXPECT_EQ(machine_key("", "To be filled by O.E.M."), "");
}

TEST(MachineKey, PlaceholdersIdentifyNothing) {
  for (const char* uuid : {"", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
                           "03000200-0400-0500-0006-000700080009", "not-a-uuid"}) {
    EXPECT_FALSE(usable_uuid(uuid)) << uuid;
  }
  for (const char* serial :
       {"", "0123456789", "Default string", "None", "00000000", "To Be Filled By O.E.M.", "ab"}) {
    EXPECT_FALSE(usable_serial(serial)) << serial;
  }
  for (const char* mac :
       {"", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "b4:7a:f1:00:00"}) {
    EXPECT_FALSE(usable_mac(mac)) << mac;
  }
  EXPECT_TRUE(usable_serial("4E12345"));
}

}  // namespace
}  // namespace metalmesh::controller
