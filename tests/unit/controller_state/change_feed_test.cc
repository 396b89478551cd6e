#include "controller/state/change_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "common/ports/memory_rows.h"
#include "controller/state/deployment_states.h"
#include "controller/state/ledger.h"

namespace metalmesh::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr WallTime noon{std::chrono::hours(24 * 365 * 50 + 12)};
constexpr auto hour = std::chrono::hours(1);

ChangeFeed::Object server(const std::string& name) { return {ChangeKind::server, name}; }

/// "3 a, 4 b gone": what a reader who has seen `after` is told.
std::vector<std::string> told(const ChangeFeed& feed, std::uint64_t after) {
  std::vector<std::string> lines;
  for (auto next = feed.behind(after); next; next = feed.behind(next->number)) {
    lines.push_back(std::to_string(next->number) + " " + next->object->name + (next->deleted ? " gone" : ""));
  }
  return lines;
}

TEST(ChangeFeed, OfEachObjectTheLastChangeCounts) {
  ChangeFeed feed;
  for (const char* name : {"a", "b", "a", "c", "a"}) feed.changed(server(name));
  EXPECT_THAT(told(feed, 0), ElementsAre("2 b", "4 c", "5 a"));
  EXPECT_THAT(told(feed, 4), ElementsAre("5 a"));
  EXPECT_THAT(told(feed, 5), IsEmpty());
  EXPECT_EQ(feed.last(), 5U);
}

TEST(ChangeFeed, ADeleteIsAChangeAndAnObjectMadeAnewTakesItsPlace) {
  ChangeFeed feed;
  feed.changed(server("a"));
  feed.changed(server("b"));
  EXPECT_EQ(feed.removed(server("a"), noon)->number, 3U);
  EXPECT_THAT(told(feed, 0), ElementsAre("2 b", "3 a gone"));
  EXPECT_FALSE(feed.removed(server("a"), noon)) << "it is told once";
  EXPECT_FALSE(feed.removed(server("nobody"), noon)) << "nobody can have heard of it";
  feed.changed(server("a"));
  EXPECT_THAT(told(feed, 0), ElementsAre("2 b", "4 a"));
  EXPECT_THAT(feed.forget_old(noon + 25 * hour), IsEmpty());
}

TEST(ChangeFeed, TombstonesGoAfterADayAndRaiseTheFloor) {
  ChangeFeed feed;
  for (const char* name : {"a", "b", "c"}) feed.changed(server(name));
  feed.removed(server("a"), noon);
  feed.removed(server("b"), noon + 2 * hour);
  EXPECT_THAT(feed.forget_old(noon + 24 * hour), IsEmpty());
  EXPECT_EQ(feed.floor(), 0U);
  EXPECT_THAT(feed.forget_old(noon + 25 * hour), ElementsAre(server("a")));
  EXPECT_EQ(feed.floor(), 4U);
  EXPECT_THAT(told(feed, 0), ElementsAre("3 c", "5 b gone"));
}

TEST(ChangeFeed, TombstonesAreBoundedInNumber) {
  ChangeFeed feed;
  const auto count = ChangeFeed::tombstones_most + 2;
  for (std::size_t i = 0; i < count; ++i) feed.changed(server(std::to_string(i)));
  for (std::size_t i = 0; i < count; ++i) feed.removed(server(std::to_string(i)), noon);
  EXPECT_THAT(feed.forget_old(noon), ElementsAre(server("0"), server("1")));
  EXPECT_EQ(feed.floor(), count + 2);
}

TEST(ChangeFeed, BrokenOffNobodyIsAboveTheFloorButWhoListsAgain) {
  ChangeFeed feed;
  feed.changed(server("a"));
  feed.changed(server("b"));
  feed.removed(server("b"), noon);
  EXPECT_THAT(feed.break_off(), ElementsAre(server("b")));
  EXPECT_EQ(feed.floor(), 4U);
  EXPECT_EQ(feed.last(), 4U);
  EXPECT_THAT(told(feed, 0), ElementsAre("1 a"));
}

TEST(ChangeFeed, KindsHaveTheirWords) {
  for (std::size_t i = 0; i < change_kinds; ++i) {
    const auto kind = static_cast<ChangeKind>(i);
    EXPECT_EQ(change_kind(word_of(kind)), kind);
  }
  EXPECT_FALSE(change_kind("Family"));
}

/// A ledger over rows that can be killed and started again, one life after the other.
class Kept {
 public:
  Kept() { start(); }
  void start() {
    ledger_.emplace(load_state(store_).value());
    ledger_->begin_life("life" + std::to_string(++lives_), noon);
    flush();
  }
  Ledger& operator*() { return *ledger_; }
  Ledger* operator->() { return &*ledger_; }
  void flush(WallTime now = noon) {
    Batch batch;
    ledger_->flush(batch, now);
    store_.commit(batch);
  }
  /// Without what was not flushed.
  void die_and_start() { start(); }
  [[nodiscard]] const ChangeFeed& feed() const { return ledger_->mesh().changes; }
  [[nodiscard]] std::vector<std::string> rows_of(std::string_view table) const {
    std::vector<std::string> keys;
    for (const auto& [key, value] : store_.rows())
      if (key.starts_with(table)) keys.push_back(key);
    return keys;
  }

 private:
  MemoryRows store_;
  std::optional<Ledger> ledger_;
  int lives_ = 0;
};

template <class T>
T named(const std::string& name) {
  T object;
  object.mutable_metadata()->set_name(name);
  return object;
}
rest::Deployment deployment(const std::string& id, std::string_view state) {
  rest::Deployment it;
  it.set_id(id);
  it.set_rollout("r");
  it.set_server("s-" + id);
  it.set_site("par1");
  it.set_state(std::string(state));
  return it;
}

TEST(LedgerFeed, ObjectsCarryTheNumberOfTheirLastChangeOncePerFlush) {
  Kept kept;
  kept->put(named<rest::Server>("a"));
  kept->change_server("a", [](rest::Server& it) { it.mutable_status()->set_phase("ready"); });
  kept->put(named<rest::Rollout>("r"));
  kept->put(deployment("d1", states::pending));
  kept.flush();
  EXPECT_EQ(kept->mesh().servers.at("a").metadata().feed(), 1U);
  EXPECT_EQ(kept->mesh().rollouts.at("r").metadata().feed(), 2U);
  EXPECT_EQ(kept->mesh().deployments.at("d1").feed(), 3U);
  kept->live_deployment("d1").set_percent(50);
  kept.flush();
  EXPECT_EQ(kept.feed().last(), 3U) << "percent is no change";
}

TEST(LedgerFeed, CountsOfARolloutAreAChangeWithoutANewVersion) {
  Kept kept;
  kept->put(named<rest::Rollout>("r"));
  kept->put(deployment("d1", states::pending));
  kept.flush();
  const auto version = kept->mesh().rollouts.at("r").metadata().version();
  kept->change_deployment("d1", [](rest::Deployment& it) { it.set_state(std::string(states::running)); });
  kept.flush();
  EXPECT_EQ(kept->mesh().rollouts.at("r").metadata().version(), version);
  EXPECT_THAT(told(kept.feed(), 2), ElementsAre("3 r", "4 d1"));
}

TEST(LedgerFeed, WhatIsLoadedIsWhatWasInMemory) {
  Kept kept;
  for (const char* name : {"a", "b", "c"}) kept->put(named<rest::Server>(name));
  kept->put(named<rest::Credential>("bmc"));
  kept->put(deployment("d1", states::pending));
  kept.flush();
  kept->erase_server("b");
  kept->change_server("a", [](rest::Server& it) { it.mutable_status()->set_phase("ready"); });
  kept.flush();
  const auto before = told(kept.feed(), 0);
  kept.die_and_start();
  EXPECT_EQ(told(kept.feed(), 0), before);
  EXPECT_EQ(kept.feed().last(), 7U);
  kept->put(named<rest::Server>("b"));
  kept.flush();
  EXPECT_THAT(kept.rows_of("k/"), IsEmpty()) << "it is there again";
}

TEST(LedgerFeed, NumbersAreNeverGivenAgain) {
  Kept kept;
  kept->put(named<rest::Server>("a"));
  kept->put(named<rest::Server>("b"));
  kept.flush();
  kept->erase_server("b");  // the newest one
  kept.flush();
  kept.die_and_start();
  EXPECT_EQ(kept.feed().last(), 3U);
  kept->put(named<rest::Server>("c"));
  kept.flush(noon + 25 * hour);  // takes the tombstone, which had been the newest
  EXPECT_EQ(kept.feed().floor(), 3U);
  kept->erase_server("c");
  kept.flush(noon + 25 * hour);
  kept->put(named<rest::Server>("d"));
  kept.flush(noon + 50 * hour);
  kept.die_and_start();
  EXPECT_EQ(kept.feed().last(), 6U);
  EXPECT_EQ(kept.feed().floor(), 5U) << "the floor is kept, too";
}

TEST(LedgerFeed, WhatAnObjectHasInMemoryAloneIsToldAnewByTheNextLife) {
  Kept kept;
  kept->put(named<rest::Site>("par1"));
  kept->put(named<rest::Rollout>("r"));
  kept->put(named<rest::Server>("a"));
  kept.flush();
  kept->live_site("par1").set_connected(true);
  kept->site_moved("par1");
  kept.flush();
  EXPECT_EQ(kept.feed().last(), 4U);
  kept.die_and_start();
  EXPECT_THAT(told(kept.feed(), 4), ElementsAre("5 par1", "6 r"));
}

/// Many readers that read now and then a few lines, over random changes and restarts: each of them ends with what is
/// there, and is never told anything older after something newer of an object.
TEST(LedgerFeed, EveryReaderEndsWithWhatIsThere) {
  struct Reader {
    std::uint64_t after = 0;
    std::uint64_t begun = 0;
    std::map<std::string, std::uint64_t> seen;  // server -> number
    std::map<std::string, std::uint64_t> newest;
    int listed_again = 0;
  };
  for (unsigned seed = 1; seed <= 40; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    Kept kept;
    std::vector<Reader> readers(12);
    WallTime now = noon;
    const auto read = [&](Reader& reader, unsigned most) {
      if (kept.feed().floor() > std::max(reader.after, reader.begun)) {
        reader = {0, kept.feed().floor(), {}, reader.newest, reader.listed_again + 1};
      }
      while (most-- > 0) {
        const auto next = kept.feed().behind(reader.after);
        if (!next) return;
        reader.after = next->number;
        std::uint64_t& newest = reader.newest[next->object->name];
        EXPECT_LE(newest, next->number);
        newest = next->number;
        if (next->deleted) {
          reader.seen.erase(next->object->name);
        } else {
          reader.seen[next->object->name] = next->number;
        }
      }
    };
    for (int step = 0; step < 400; ++step) {
      const std::string name = "s" + std::to_string(below(20));
      const bool there = kept->mesh().servers.contains(name);
      switch (below(8)) {
        case 0:
          if (there) kept->erase_server(name);
          break;
        case 1:
          if (below(8) == 0) kept.die_and_start();
          break;
        case 2:
          now += below(3) * hour;
          break;
        default:
          if (there) {
            kept->change_server(name, [](rest::Server&) {});
          } else {
            kept->put(named<rest::Server>(name));
          }
      }
      if (below(3) != 0) kept.flush(now);
      read(readers.at(below(12)), below(6));
    }
    kept.flush(now);
    for (Reader& reader : readers) {
      read(reader, 10'000);
      std::map<std::string, std::uint64_t> there;
      for (const auto& [name, server] : kept->mesh().servers) there[name] = server.metadata().feed();
      EXPECT_EQ(reader.seen, there) << "seed " << seed;
    }
  }
}

TEST(LedgerLives, NumberEventsAndChangesApart) {
  LedgerLives lives;
  lives.begin("a", 1, 1);
  lives.begin("b", 11, 101);
  const LedgerLives loaded(lives.row());
  constexpr auto changes = LedgerLives::Of::changes;
  EXPECT_EQ(loaded.id_of(100, changes), "a-100");
  EXPECT_EQ(loaded.id_of(101, changes), "b-101");
  EXPECT_FALSE(loaded.find("a-100", 120, changes)->other_ledger);
  EXPECT_TRUE(loaded.find("a-101", 120, changes)->other_ledger) << "given out by a life that was put back";
  EXPECT_TRUE(loaded.find("b-121", 120, changes)->other_ledger);
}

}  // namespace
}  // namespace metalmesh::controller
