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
  EXPECT_EQ(decode_row(row_version + std::string("\xff\xff"), back).error().kind, ErrorKind::corrupt);
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
  store.commit({{event_key(200), "\x02\xff"}});
  const auto events = read_events(store, 198, 4)->events;
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[0].message(), "line 199");
  EXPECT_EQ(events[1].type(), "damaged");
  EXPECT_EQ(events[1].number(), 200U);
  EXPECT_EQ(events[3].message(), "line 202");
  EXPECT_TRUE(read_events(store, 300, 10)->events.empty());
  EXPECT_TRUE(read_events(store, UINT64_MAX, 10)->events.empty());
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
  EXPECT_EQ(ledger.identities().clash("other", same, {})->other, "web1");
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
  std::vector<std::string> left;
  for (const auto& [key, value] : store.rows()) left.push_back(key);
  EXPECT_EQ(left,
            (std::vector<std::string>{std::string(tables::controller), "k/Deployment/d1", "k/Rollout/r"}))
      << "the version that new ones begin above, and for a day that they were there";
}

TEST(Ledger, OldIdempotentAnswersGoFirst) {
  Ledger ledger({});
  for (int i = 0; i < 10'005; ++i) ledger.put_answer("k" + std::to_string(i), {});
  EXPECT_EQ(ledger.inner().answers.size(), 10'000U);
  EXPECT_FALSE(ledger.inner().answers.contains("k4"));
  EXPECT_TRUE(ledger.inner().answers.contains("k5"));
}

TEST(Ledger, IdempotentAnswersAreBoundedByBytesToo) {
  Ledger ledger({});
  for (int i = 0; i < 1000; ++i) ledger.put_answer(std::to_string(i) + std::string(100'000, 'k'), {});
  std::size_t bytes = 0;
  for (const auto& [key, answer] : ledger.inner().answers) bytes += key.size();
  EXPECT_LE(bytes, 4U << 20);
  EXPECT_TRUE(ledger.inner().answers.contains("999" + std::string(100'000, 'k')));
  Batch batch;
  ledger.flush(batch, noon);
  EXPECT_EQ(std::ranges::count_if(batch, [](const RowWrite& row) { return !row.value; }),
            static_cast<std::ptrdiff_t>(1000 - ledger.inner().answers.size()));
}

TEST(Ledger, VersionsGoOnAboveWhatWasDeleted) {
  MemoryRows store;
  const auto flush = [&](Ledger& ledger) {
    Batch batch;
    ledger.flush(batch, noon);
    store.commit(batch);
  };
  const auto site = [] {
    rest::Site made;
    made.mutable_metadata()->set_name("par1");
    return made;
  };
  {
    Ledger ledger({});
    ledger.put(site());
    flush(ledger);
    for (int i = 0; i < 4; ++i) {
      ledger.put(ledger.mesh().sites.at("par1"));
      flush(ledger);
    }
    EXPECT_EQ(ledger.mesh().sites.at("par1").metadata().version(), 5U);
    ledger.erase<rest::Site>("par1");
    flush(ledger);
  }
  Ledger again(load_state(store).value());
  again.put(site());
  flush(again);
  EXPECT_EQ(again.mesh().sites.at("par1").metadata().version(), 6U);
}

TEST(LedgerLives, KnowWhoWroteWhat) {
  LedgerLives lives;
  EXPECT_EQ(lives.id_of(3), "3");
  lives.begin("a", 1, 1);
  lives.begin("b", 11, 11);
  lives.begin("c", 11, 11);  // b wrote nothing
  EXPECT_EQ(lives.id_of(0), "0");
  EXPECT_EQ(lives.id_of(10), "a-10");
  EXPECT_EQ(lives.id_of(11), "c-11");
  EXPECT_EQ(lives.current(), "c");
  const LedgerLives loaded(lives.row());
  const auto at = [&](std::string_view id) {
    const auto found = loaded.find(id, 20);
    return found ? std::to_string(found->after) + (found->other_ledger ? " of another" : "") : "no id";
  };
  EXPECT_EQ(at("0"), "0");
  EXPECT_EQ(at("a-10"), "10");
  EXPECT_EQ(at("a-12"), "10 of another");
  EXPECT_EQ(at("c-20"), "20");
  EXPECT_EQ(at("c-21"), "20 of another");
  EXPECT_EQ(at("b-5"), "5");
  EXPECT_EQ(at("b-11"), "10 of another");
  EXPECT_EQ(at("x-5"), "0 of another");
  for (const char* bad : {"", "-", "5", "a-", "-5", "a-5x", "a--5x", "a-99999999999999999999"})
    EXPECT_EQ(at(bad), "no id") << bad;
}

TEST(LedgerLives, TheOldestAreForgotten) {
  LedgerLives lives;
  for (std::uint64_t i = 1; i <= 3000; ++i) lives.begin("l" + std::to_string(i), i, i);
  EXPECT_EQ(lives.row().lives_size(), 1000);
  EXPECT_EQ(lives.find("l3000-3000", 3000)->after, 3000U);
  EXPECT_TRUE(lives.find("l2000-2000", 3000)->other_ledger);
  EXPECT_EQ(lives.id_of(1), "l2001-1");
}

TEST(LedgerLives, MissWhatOthersWereToldAndTheyDoNotHave) {
  LedgerLives lives;
  EXPECT_FALSE(lives.misses("", 0));
  lives.begin("a", 1, 1);
  lives.begin("b", 11, 11);
  for (const char* here : {"a-10", "b-11", "b-20", "0", "", "no id"})
    EXPECT_FALSE(lives.misses(here, 20)) << here;
  for (const char* gone : {"a-11", "b-21", "x-5"}) EXPECT_TRUE(lives.misses(gone, 20)) << gone;
  lives.note_missing("a-11");
  lives.note_missing("x-5");
  lives.note_missing("x-9");
  const LedgerLives loaded(lives.row());
  for (const char* known : {"a-11", "x-5", "x-9"}) EXPECT_FALSE(loaded.misses(known, 20)) << known;
  for (const char* more : {"a-12", "x-10", "b-21"}) EXPECT_TRUE(loaded.misses(more, 20)) << more;
}

TEST(LedgerLives, OfWhatIsOlderThanTheyRememberNothingIsSaid) {
  LedgerLives lives;
  for (std::uint64_t i = 1; i <= 3000; ++i) lives.begin("l" + std::to_string(i), i, i);
  EXPECT_FALSE(lives.misses("l2000-2000", 3000));
  EXPECT_TRUE(lives.misses("x-2002", 3000));
}

TEST(Board, CountsFollowEveryChange) {
  DeploymentBoard board;
  const auto pending = deployment("d1", states::pending, 1);
  auto failed = deployment("d2", states::failed, 2);
  failed.set_disk(wire::DISK_BEING_WRITTEN);
  board.add(pending);
  board.add(failed);
  EXPECT_EQ(board.rollout("r").pending.at("par1").at(1), "d1");
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
  EXPECT_EQ(index.clash("web2", other, {})->field, "uuid");
  EXPECT_EQ(index.clash("web2", {}, {"", "bmc1.example"})->field, "bmc.address");
  EXPECT_FALSE(index.clash("web1", other, {"", "bmc1.example"}).has_value());
  index.remove(server);
  EXPECT_FALSE(index.clash("web2", other, {"", "bmc1.example"}).has_value());
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
