// One flipped bit in each row of a journal: what the chain proves is as it was, what it does not is a told gap, and the
// other end goes on behind it.
#include "common/delivery/journal_mend.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/delivery/stream_receiver.h"
#include "common/delivery/stream_rows.h"
#include "common/delivery/stream_sender.h"
#include "schemas/record/stream.pb.h"
#include "tests/support/rotten_rows.h"

namespace metalmesh::delivery {
namespace {

using namespace std::chrono_literals;

const std::string prefix = "s/events/";
constexpr std::uint64_t entries = 9;
const Now now{MonoTime(1h), WallTime(1h), WallTime(1h)};

std::string text(std::uint64_t seq) { return "entry " + std::to_string(seq); }
std::string key_of(std::uint64_t seq) { return prefix + "e" + std::string(7, '\0') + static_cast<char>(seq); }

/// A journal whose entries up to `acked` are acknowledged; nothing is trimmed.
MemoryRows journal(std::uint64_t acked) {
  MemoryRows rows;
  StreamSender sender(prefix, rows);
  Batch batch;
  sender.create("journal", batch);
  for (std::uint64_t seq = 1; seq <= entries; ++seq) EXPECT_TRUE(sender.append(text(seq), batch));
  rows.commit(batch);
  sender.on_committed();
  batch.clear();
  wire::Ack ack;
  ack.set_journal_id("journal");
  ack.set_up_to(acked);
  ack.set_keep_from(1);
  ack.set_head_hash(sender.hash_at(acked).value());
  if (acked > 0) EXPECT_EQ(sender.on_ack(ack, batch), StreamSender::AckResult::ok);
  rows.commit(batch);
  return rows;
}

struct Delivered {
  std::vector<std::uint64_t> taken;                           // numbers, in order
  std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps;  // told
};

/// A receiver that stands at `cursor` gets everything, by the protocol.
Delivered deliver(MemoryRows& rows, std::uint64_t cursor, const MemoryRows& healthy) {
  StreamSender sender(prefix, rows);
  MemoryRows other;
  StreamReceiver receiver("r/x", other);
  Batch batch;
  const StreamSender whole(prefix, healthy);
  receiver.follow_at("journal", cursor, whole.hash_at(cursor).value(), batch);
  Delivered out;
  for (int round = 0; round < 20; ++round) {
    sender.rewind();
    for (const wire::Data& data : sender.pump(now)) {
      const auto taken = receiver.on_data(data, {now.mono + round * 2s, now.wall_low, now.wall_high}, batch);
      EXPECT_NE(taken.verdict, StreamReceiver::Verdict::diverged);
      for (const Entry& entry : taken.entries) {
        EXPECT_EQ(entry.bytes, text(entry.seq));
        out.taken.push_back(entry.seq);
      }
    }
    Batch rows_of_sender;
    EXPECT_EQ(sender.on_ack(receiver.ack(1), rows_of_sender), StreamSender::AckResult::ok);
    rows.commit(rows_of_sender);
    if (receiver.cursor() + 1 == sender.next_seq()) return out;
    wire::Resync resync;
    resync.set_journal_id("journal");
    resync.set_from(receiver.cursor() + 1);
    if (sender.on_resync(resync) != StreamSender::ResyncResult::trimmed) continue;
    out.gaps.emplace_back(receiver.cursor() + 1, sender.first_kept() - 1);
    EXPECT_TRUE(receiver.skip_to(sender.first_kept() - 1, sender.base_hash(), batch));
  }
  ADD_FAILURE() << "it never came to the end";
  return out;
}

TEST(JournalMend, LeavesAWholeJournalAlone) {
  const RottenRows rows(journal(4));
  const auto mended = mend_journal(prefix, rows, "journal");
  ASSERT_TRUE(mended);
  EXPECT_TRUE(mended->batch.empty());
}

TEST(JournalMend, EachFlippedByteOfEachEntryCostsAtMostThatEntry) {
  for (const std::uint64_t acked : {0U, 4U}) {
    const MemoryRows healthy = journal(acked);
    for (std::uint64_t seq = 1; seq <= entries; ++seq) {
      const std::size_t size = healthy.find(key_of(seq))->size();
      for (std::size_t byte = 0; byte < size + 8; ++byte) {
        RottenRows rotten(healthy);
        rotten.flip(key_of(seq), byte, byte % 8);
        const auto mended = mend_journal(prefix, rotten, "journal");
        ASSERT_TRUE(mended) << mended.error().message;
        MemoryRows rows;
        rows.restore(rotten.after(mended->batch));
        const Status whole = check_sender_rows(prefix, rows);
        ASSERT_TRUE(whole) << seq << "/" << byte << ": " << whole.error().message;
        const bool entry_lost = byte >= 32 && byte < size;
        EXPECT_EQ(mended->lost_from != 0, entry_lost && seq > acked) << seq << "/" << byte;
        const Delivered got = deliver(rows, acked, healthy);
        for (std::uint64_t one = acked + 1; one <= entries; ++one) {
          const bool there = std::ranges::find(got.taken, one) != got.taken.end();
          EXPECT_EQ(there, !(entry_lost && one == seq))
              << "acked " << acked << ", flipped " << seq << "/" << byte << ", entry " << one;
        }
        if (entry_lost && seq > acked) {
          EXPECT_EQ(got.gaps, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{seq, seq}}));
        } else {
          EXPECT_TRUE(got.gaps.empty());
        }
      }
    }
  }
}

TEST(JournalMend, AnEntryUnderADamagedKeyGoesBackToItsPlace) {
  const MemoryRows healthy = journal(2);
  for (std::uint64_t seq = 1; seq <= entries; ++seq) {
    RottenRows rotten(healthy);
    rotten.flip_key(key_of(seq), key_of(seq).size() - 2, 3);
    const auto mended = mend_journal(prefix, rotten, "journal");
    ASSERT_TRUE(mended) << mended.error().message;
    EXPECT_EQ(mended->lost_from, 0U);
    EXPECT_EQ(rotten.after(mended->batch), healthy.rows()) << seq;
  }
}

TEST(JournalMend, ItsHeadFollowsFromItsEntries) {
  for (const std::uint64_t acked : {0U, 4U}) {
    const MemoryRows healthy = journal(acked);
    for (std::size_t byte = 0; byte < healthy.find(prefix + "m")->size() + 8; ++byte) {
      RottenRows rotten(healthy);
      rotten.flip(prefix + "m", byte);
      const auto mended = mend_journal(prefix, rotten, "journal");
      ASSERT_TRUE(mended) << mended.error().message;
      MemoryRows rows;
      rows.restore(rotten.after(mended->batch));
      ASSERT_TRUE(check_sender_rows(prefix, rows));
      EXPECT_EQ(deliver(rows, acked, healthy).taken.size(), entries - acked)
          << "what was acknowledged is dropped";
    }
    RottenRows rotten(healthy);
    rotten.flip(prefix + "m", 3);
    EXPECT_FALSE(mend_journal(prefix, rotten, "")) << "nothing says which journal it is";
  }
}

TEST(StreamReceiver, TakesTheHashOfItsPlaceFromTheSenderWhenItsOwnIsLost) {
  const MemoryRows rows = journal(0);
  for (std::uint64_t cursor = 1; cursor <= entries; ++cursor) {
    StreamSender sender(prefix, rows);
    record::StreamReceiver stored;
    stored.set_row_version(receiver_row_version);
    stored.set_journal_id("journal");
    stored.set_cursor(cursor);
    MemoryRows other;
    other.commit({{"r/x", stored.SerializeAsString()}});
    ASSERT_TRUE(check_receiver_row("r/x", other));
    StreamReceiver receiver("r/x", other);
    EXPECT_TRUE(receiver.hash_unknown());
    Batch batch;
    std::size_t taken = 0;
    for (const wire::Data& data : sender.pump(now))
      taken += receiver.on_data(data, now, batch).entries.size();
    EXPECT_EQ(taken, entries - cursor);
    EXPECT_FALSE(receiver.hash_unknown());
    EXPECT_EQ(receiver.cursor_hash(), sender.head_hash());
  }
}

}  // namespace
}  // namespace metalmesh::delivery
