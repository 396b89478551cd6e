// Turns and the cap, on a clock that the test moves.
#include "agents/media/read_pacer.h"

#include <gmock/gmock.h>

#include <map>

namespace metalmesh::media {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char greedy[] = "10.0.0.1";
constexpr char modest[] = "10.0.0.2";

/// Readers that always take what they are given, asked `every` for `how_long`. Bytes by peer.
std::map<std::string, std::uint64_t> serve(ReadPacer& pacer, const std::map<ConnId, std::string>& readers,
                                           Duration every, Duration how_long) {
  std::map<std::string, std::uint64_t> got;
  constexpr int turns_per_look = 100;
  for (MonoTime now{}; now < MonoTime(how_long); now += every) {
    for (const auto& [reader, peer] : readers) pacer.queue(peer, reader);
    for (int i = 0; i < turns_per_look; ++i) {
      const auto turn = pacer.next(now);
      if (!turn) break;
      const std::string& peer = readers.at(turn->reader);
      got[peer] += turn->bytes;
      pacer.sent(turn->bytes);
      pacer.queue(peer, turn->reader);
    }
  }
  return got;
}

std::map<ConnId, std::string> sixteen_against_one() {
  std::map<ConnId, std::string> readers = {{99, modest}};
  for (ConnId id = 1; id <= 16; ++id) readers[id] = greedy;
  return readers;
}

TEST(ReadPacer, GivesEachPeerTheSameHoweverManyConnectionsItHas) {
  ReadPacer pacer;
  auto got = serve(pacer, sixteen_against_one(), milliseconds(1), seconds(1));
  EXPECT_GT(got[modest], 0U);
  EXPECT_NEAR(static_cast<double>(got[greedy]) / static_cast<double>(got[modest]), 1.0, 0.01);
}

TEST(ReadPacer, GoesRoundTheReadersOfAPeer) {
  ReadPacer pacer;
  for (const ConnId id : {1U, 2U, 3U}) pacer.queue(greedy, id);
  pacer.queue(modest, 9);
  std::vector<ConnId> order;
  for (int i = 0; i < 8; ++i) {
    const auto turn = pacer.next({});
    ASSERT_TRUE(turn.has_value());
    order.push_back(turn->reader);
    pacer.queue(turn->reader == 9 ? modest : greedy, turn->reader);
  }
  EXPECT_THAT(order, testing::ElementsAre(1, 9, 2, 9, 3, 9, 1, 9));
}

TEST(ReadPacer, TurnsAreShortWhileAnotherPeerWaits) {
  ReadPacer pacer;
  pacer.queue(greedy, 1);
  pacer.queue(modest, 2);
  EXPECT_EQ(pacer.next({}), (Turn{1, short_turn_bytes}));
  EXPECT_EQ(pacer.next({}), (Turn{2, long_turn_bytes})) << "nobody waits any more";
  pacer.queue(greedy, 1);
  pacer.queue(greedy, 3);
  EXPECT_EQ(pacer.next({}), (Turn{1, long_turn_bytes})) << "its own readers are no other peer";
}

TEST(ReadPacer, QueueingTwiceGivesOneTurn) {
  ReadPacer pacer;
  pacer.queue(modest, 1);
  pacer.queue(modest, 1);
  EXPECT_TRUE(pacer.next({}).has_value());
  EXPECT_FALSE(pacer.next({}).has_value());
  EXPECT_EQ(pacer.due(), std::nullopt);
}

TEST(ReadPacer, WhoIsGoneGetsNoTurn) {
  ReadPacer pacer;
  pacer.queue(greedy, 1);
  pacer.queue(greedy, 2);
  pacer.queue(modest, 3);
  pacer.forget(1);
  pacer.forget(3);
  EXPECT_FALSE(pacer.queued(1));
  EXPECT_EQ(pacer.next({}), (Turn{2, long_turn_bytes}));
  EXPECT_EQ(pacer.next({}), std::nullopt);
}

class Cap : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Cap, IsHonouredAndUsedUp) {
  ReadPacer pacer(GetParam());
  auto got = serve(pacer, sixteen_against_one(), milliseconds(1), seconds(20));
  const double rate = static_cast<double>(got[greedy] + got[modest]) / 20;
  const double overdraft = static_cast<double>(short_turn_bytes) / 20;
  EXPECT_LE(rate, static_cast<double>(GetParam()) + overdraft);
  EXPECT_GE(rate, static_cast<double>(GetParam()) * 0.98 - overdraft);
  EXPECT_NEAR(static_cast<double>(got[greedy]), static_cast<double>(got[modest]), 2.0 * short_turn_bytes);
}

TEST_P(Cap, DueIsWhenATurnComes) {
  ReadPacer pacer(GetParam());
  MonoTime now{};
  for (int i = 0; i < 50; ++i) {
    pacer.queue(modest, 1);
    const auto due = pacer.due();
    ASSERT_TRUE(due.has_value());
    if (*due > now) {
      EXPECT_EQ(pacer.next(*due - milliseconds(1)), std::nullopt);
      now = *due;
    }
    ASSERT_TRUE(pacer.next(now).has_value());
    pacer.sent(short_turn_bytes);
  }
}

INSTANTIATE_TEST_SUITE_P(ReadPacer, Cap, testing::Values(20'000, 1'000'000, 40'000'000),
                         [](const auto& rate) { return std::to_string(rate.param); });

/// Firmware and boot loaders ask for a sector or two at a time, beside 40 installers that take what they get.
TEST(ReadPacer, SmallReadsGetThroughBesideStreamsUnderACap) {
  constexpr std::uint64_t cap = 8'000'000, small = 2048;
  constexpr ConnId firmware = 99;
  ReadPacer pacer(cap);
  std::map<ConnId, std::string> streams;
  for (ConnId id = 1; id <= 40; ++id) streams[id] = "10.0.1." + std::to_string(id);
  for (const auto& [reader, peer] : streams) pacer.queue(peer, reader);
  std::uint64_t reads = 0;
  std::map<ConnId, std::uint64_t> got;
  for (MonoTime now{}; now < MonoTime(seconds(10)); now += milliseconds(1)) {
    pacer.queue(modest, firmware);
    while (const auto turn = pacer.next(now)) {
      const bool is_small = turn->reader == firmware;
      pacer.sent(is_small ? small : turn->bytes);
      if (is_small) {
        ++reads;  // and it asks again a moment later
      } else {
        got[turn->reader] += turn->bytes;
        pacer.queue(streams.at(turn->reader), turn->reader);
      }
    }
  }
  const std::uint64_t fair = cap * 10 / 41;
  EXPECT_GT(reads, 900U) << "as many as its share has room for";
  for (const auto& [reader, bytes] : got) EXPECT_NEAR(bytes, fair, 3.0 * short_turn_bytes) << reader;
}

TEST(ReadPacer, WhoWantedNothingSavesNothingUp) {
  ReadPacer pacer;
  for (int i = 0; i < 100; ++i) {
    pacer.queue(greedy, 1);
    ASSERT_TRUE(pacer.next({}).has_value());
    pacer.sent(short_turn_bytes);
  }
  std::map<std::string, std::uint64_t> got;
  for (int i = 0; i < 20; ++i) {
    pacer.queue(greedy, 1);
    pacer.queue(modest, 2);
    const auto turn = pacer.next({});
    ASSERT_TRUE(turn.has_value());
    pacer.sent(short_turn_bytes);
    got[turn->reader == 1 ? greedy : modest] += short_turn_bytes;
  }
  EXPECT_NEAR(static_cast<double>(got[greedy]), static_cast<double>(got[modest]), 2.0 * short_turn_bytes);
}

TEST(ReadPacer, AnIdleHourSavesNothingUp) {
  ReadPacer pacer(1'000'000);
  pacer.queue(modest, 1);
  ASSERT_TRUE(pacer.next({}).has_value());
  const MonoTime later{std::chrono::hours(1)};
  std::uint64_t sent = 0;
  for (int i = 0; i < 1000; ++i) {
    pacer.queue(modest, 1);
    const auto turn = pacer.next(later);
    if (!turn) break;
    pacer.sent(turn->bytes);
    sent += turn->bytes;
  }
  EXPECT_LE(sent, 2 * short_turn_bytes);
}

}  // namespace
}  // namespace metalmesh::media
