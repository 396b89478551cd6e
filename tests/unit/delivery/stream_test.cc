#include <gtest/gtest.h>

#include "common/base/digest.h"
#include "common/delivery/stream_receiver.h"
#include "common/delivery/stream_sender.h"
#include "common/ports/memory_rows.h"
#include "tests/unit/delivery/virtual_time.h"

namespace metalmesh::delivery {
namespace {

using namespace std::chrono_literals;
using Verdict = StreamReceiver::Verdict;
using AckResult = StreamSender::AckResult;
using ResyncResult = StreamSender::ResyncResult;

constexpr SenderLimits small{.window = 4, .frame_bytes = 10, .entry_bytes = 10, .resend_after = 5s};

struct SendingEnd {
  explicit SendingEnd(SenderLimits limits = small) : limits_(limits), sender("s/x/", rows, limits) {
    Batch batch;
    sender.create("journal-1", batch);
    rows.commit(batch);
  }
  void append(const std::string& entry) {
    Batch batch;
    ASSERT_TRUE(sender.append(entry, batch).has_value());
    rows.commit(batch);
    sender.on_committed();
  }
  AckResult ack(std::uint64_t up_to, std::uint64_t keep_from, const std::string& hash) {
    wire::Ack ack;
    ack.set_journal_id("journal-1");
    ack.set_up_to(up_to);
    ack.set_keep_from(keep_from);
    ack.set_head_hash(hash);
    Batch batch;
    const AckResult result = sender.on_ack(ack, batch);
    rows.commit(batch);
    return result;
  }
  AckResult ack(std::uint64_t up_to, std::uint64_t keep_from = 0) {
    return ack(up_to, keep_from, sender.hash_at(up_to).value_or("?"));
  }
  ResyncResult resync(std::uint64_t from) {
    wire::Resync resync;
    resync.set_journal_id("journal-1");
    resync.set_from(from);
    return sender.on_resync(resync);
  }
  [[nodiscard]] StreamSender restarted() const { return {"s/x/", rows, limits_}; }

  SenderLimits limits_;
  MemoryRows rows;
  StreamSender sender;
};

struct ReceivingEnd {
  explicit ReceivingEnd(const std::string& journal = "journal-1") : receiver("r/x", rows) {
    Batch batch;
    receiver.follow(journal, batch);
    rows.commit(batch);
  }
  StreamReceiver::Taken take(const wire::Data& data, Duration when = 1s) {
    Batch batch;
    auto taken = receiver.on_data(data, at(when), batch);
    rows.commit(batch);
    return taken;
  }
  MemoryRows rows;
  StreamReceiver receiver;
};

wire::Data frame(std::uint64_t first, const std::string& previous, std::vector<std::string> entries) {
  wire::Data data;
  data.set_journal_id("journal-1");
  data.set_first_seq(first);
  data.set_prev_hash(previous);
  for (auto& entry : entries) data.add_entries(std::move(entry));
  return data;
}

TEST(StreamSender, sends_only_what_was_committed) {
  SendingEnd end;
  Batch batch;
  ASSERT_EQ(end.sender.append("one", batch).value(), 1U);
  EXPECT_TRUE(end.sender.pump(at(1s)).empty());
  end.rows.commit(batch);
  end.sender.on_committed();
  const auto frames = end.sender.pump(at(1s));
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].first_seq(), 1U);
  EXPECT_EQ(frames[0].entries(0), "one");
  EXPECT_EQ(end.sender.head_hash(), sha256("", "one"));
}

TEST(StreamSender, fills_frames_up_to_the_limit_and_the_window) {
  SendingEnd end;
  for (const char* entry : {"aaaa", "bbbb", "cccc", "dddd", "eeee"}) end.append(entry);
  const auto frames = end.sender.pump(at(1s));
  ASSERT_EQ(frames.size(), 2U);  // 4 of 5 fit the window, 2 of 4 letters fit a frame
  EXPECT_EQ(frames[0].entries_size(), 2);
  EXPECT_EQ(frames[1].first_seq(), 3U);
  EXPECT_EQ(frames[1].prev_hash(), end.sender.hash_at(2));
  EXPECT_TRUE(end.sender.pump(at(1s)).empty());
  ASSERT_EQ(end.ack(3), AckResult::ok);
  const auto more = end.sender.pump(at(2s));
  ASSERT_EQ(more.size(), 1U);
  EXPECT_EQ(more[0].first_seq(), 5U);
}

TEST(StreamSender, refuses_an_oversize_entry_and_stays_as_it_was) {
  SendingEnd end;
  Batch batch;
  const auto refused = end.sender.append("eleven chars", batch);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::exhausted);
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(end.sender.next_seq(), 1U);
}

TEST(StreamSender, goes_back_to_the_first_unacknowledged_entry_and_slows_down) {
  SendingEnd end;
  for (const char* entry : {"a", "b", "c"}) end.append(entry);
  ASSERT_EQ(end.sender.pump(at(0s)).size(), 1U);
  ASSERT_EQ(end.ack(1), AckResult::ok);
  EXPECT_TRUE(end.sender.pump(at(1s)).empty());
  EXPECT_EQ(end.sender.next_due(), at(6s).mono);
  EXPECT_TRUE(end.sender.pump(at(5s)).empty());
  const auto again = end.sender.pump(at(6s));
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].first_seq(), 2U);
  EXPECT_EQ(again[0].entries_size(), 2);
  EXPECT_EQ(end.sender.next_due(), at(16s).mono);
  ASSERT_EQ(end.ack(3), AckResult::ok);
  EXPECT_TRUE(end.sender.pump(at(17s)).empty());
  EXPECT_EQ(end.sender.next_due(), std::nullopt);
}

TEST(StreamSender, rewinds_when_the_bus_comes_back) {
  SendingEnd end;
  end.append("a");
  ASSERT_EQ(end.sender.pump(at(0s)).size(), 1U);
  EXPECT_TRUE(end.sender.pump(at(1s)).empty());
  end.sender.rewind();
  EXPECT_EQ(end.sender.pump(at(1s)).size(), 1U);
}

TEST(StreamSender, trims_only_what_is_acknowledged_and_below_keep_from) {
  SendingEnd end;
  for (const char* entry : {"a", "b", "c", "d"}) end.append(entry);
  (void)end.sender.pump(at(0s));
  EXPECT_EQ(end.rows.size(), 5U);
  ASSERT_EQ(end.ack(2, 0), AckResult::ok);
  EXPECT_EQ(end.rows.size(), 5U);
  ASSERT_EQ(end.ack(3, 2), AckResult::ok);
  EXPECT_EQ(end.rows.size(), 4U);
  EXPECT_EQ(end.sender.hash_at(1), sha256("", "a"));  // still the base of what is kept
  ASSERT_EQ(end.ack(3, 99), AckResult::ok);           // keep_from beyond the ack: the ack bounds it
  EXPECT_EQ(end.rows.size(), 2U);
  EXPECT_EQ(end.sender.hash_at(2), std::nullopt);
  EXPECT_EQ(end.resync(3), ResyncResult::trimmed);
  EXPECT_EQ(end.resync(4), ResyncResult::ok);
}

TEST(StreamSender, tells_stale_foreign_and_diverged_acks_apart) {
  SendingEnd end;
  for (const char* entry : {"a", "b"}) end.append(entry);
  (void)end.sender.pump(at(0s));
  ASSERT_EQ(end.ack(2), AckResult::ok);
  EXPECT_EQ(end.ack(1), AckResult::stale);
  EXPECT_EQ(end.ack(2, 0, sha256("other")), AckResult::diverged);
  EXPECT_EQ(end.ack(1, 0, sha256("other")), AckResult::diverged);
  EXPECT_EQ(end.ack(3, 0, sha256("future")), AckResult::diverged);
  EXPECT_EQ(end.sender.acked(), 2U);
  wire::Ack foreign;
  foreign.set_journal_id("journal-0");
  Batch batch;
  EXPECT_EQ(end.sender.on_ack(foreign, batch), AckResult::foreign_journal);
  EXPECT_TRUE(batch.empty());
}

TEST(StreamSender, sends_again_to_a_receiver_that_lost_what_it_had_acknowledged) {
  SendingEnd end;
  for (const char* entry : {"a", "b", "c"}) end.append(entry);
  (void)end.sender.pump(at(0s));
  ASSERT_EQ(end.ack(3), AckResult::ok);
  EXPECT_EQ(end.resync(2), ResyncResult::ok);
  const auto frames = end.sender.pump(at(1s));
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].first_seq(), 2U);
}

TEST(StreamSender, loads_every_state_from_its_rows) {
  SendingEnd end;
  for (const char* entry : {"a", "b", "c", "d"}) end.append(entry);
  (void)end.sender.pump(at(0s));
  ASSERT_EQ(end.ack(3, 3), AckResult::ok);
  StreamSender again = end.restarted();
  ASSERT_TRUE(again.exists());
  EXPECT_EQ(again.journal_id(), "journal-1");
  EXPECT_EQ(again.next_seq(), 5U);
  EXPECT_EQ(again.acked(), 3U);
  EXPECT_EQ(again.head_hash(), end.sender.head_hash());
  EXPECT_EQ(again.hash_at(2), end.sender.hash_at(2));
  const auto frames = again.pump(at(0s));
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].first_seq(), 4U);
  EXPECT_EQ(frames[0].prev_hash(), end.sender.hash_at(3));
}

TEST(StreamSender, forgets_uncommitted_entries_in_a_restart) {
  SendingEnd end;
  end.append("a");
  Batch lost;
  ASSERT_TRUE(end.sender.append("b", lost).has_value());
  StreamSender again = end.restarted();
  EXPECT_EQ(again.next_seq(), 2U);
  EXPECT_EQ(again.head_hash(), sha256("", "a"));
}

TEST(StreamSender, a_new_journal_leaves_nothing_of_the_old_one) {
  SendingEnd end;
  end.append("a");
  Batch batch;
  ASSERT_TRUE(end.sender.append("b", batch).has_value());
  end.sender.create("journal-2", batch);
  end.rows.commit(batch);
  EXPECT_EQ(end.rows.size(), 1U);
  StreamSender again = end.restarted();
  EXPECT_EQ(again.journal_id(), "journal-2");
  EXPECT_EQ(again.next_seq(), 1U);
}

TEST(StreamReceiver, takes_entries_once_and_in_order) {
  ReceivingEnd end;
  const auto first = end.take(frame(1, "", {"a", "b"}));
  EXPECT_EQ(first.verdict, Verdict::accepted);
  ASSERT_EQ(first.entries.size(), 2U);
  EXPECT_EQ(first.entries[1].seq, 2U);
  EXPECT_EQ(end.take(frame(1, "", {"a", "b"})).verdict, Verdict::duplicate);
  const auto overlap = end.take(frame(2, sha256("", "a"), {"b", "c"}));
  EXPECT_EQ(overlap.verdict, Verdict::accepted);
  ASSERT_EQ(overlap.entries.size(), 1U);
  EXPECT_EQ(overlap.entries[0].bytes, "c");
  EXPECT_EQ(end.receiver.cursor(), 3U);
  const wire::Ack ack = end.receiver.ack(2);
  EXPECT_EQ(ack.up_to(), 3U);
  EXPECT_EQ(ack.keep_from(), 2U);
  EXPECT_EQ(ack.head_hash(), end.receiver.cursor_hash());
}

TEST(StreamReceiver, asks_for_a_gap_at_most_once_a_second) {
  ReceivingEnd end;
  (void)end.take(frame(1, "", {"a"}));
  const auto gap = end.take(frame(3, "h", {"c"}), 1s);
  EXPECT_EQ(gap.verdict, Verdict::gap);
  ASSERT_TRUE(gap.resync.has_value());
  EXPECT_EQ(gap.resync->from(), 2U);
  EXPECT_FALSE(end.take(frame(3, "h", {"c"}), 1500ms).resync.has_value());
  EXPECT_TRUE(end.take(frame(3, "h", {"c"}), 2s).resync.has_value());
  EXPECT_EQ(end.receiver.cursor(), 1U);
}

TEST(StreamReceiver, notices_another_history_wherever_it_shows) {
  ReceivingEnd end;
  (void)end.take(frame(1, "", {"a", "b"}));
  const std::string a = sha256("", "a");
  const std::string b = sha256(a, "b");
  EXPECT_EQ(end.take(frame(3, sha256("not b"), {"c"})).verdict, Verdict::diverged);
  EXPECT_EQ(end.take(frame(2, a, {"B", "c"})).verdict, Verdict::diverged);
  EXPECT_EQ(end.take(frame(1, "", {"a", "B"})).verdict, Verdict::diverged);
  EXPECT_EQ(end.take(frame(2, sha256("not a"), {"b"})).verdict, Verdict::diverged);
  EXPECT_EQ(end.take(frame(1, "h", {"a", "b"})).verdict, Verdict::diverged);
  EXPECT_EQ(end.take(frame(0, "", {"a"})).verdict, Verdict::diverged);
  EXPECT_EQ(end.receiver.cursor(), 2U);
  EXPECT_EQ(end.take(frame(3, b, {"c"})).verdict, Verdict::accepted);
}

TEST(StreamReceiver, ignores_other_journals_until_it_follows_them) {
  ReceivingEnd end("journal-0");
  EXPECT_EQ(end.take(frame(1, "", {"a"})).verdict, Verdict::foreign_journal);
  Batch batch;
  end.receiver.follow("journal-1", batch);
  EXPECT_EQ(end.take(frame(1, "", {"a"})).verdict, Verdict::accepted);
}

TEST(StreamReceiver, loads_its_cursor) {
  ReceivingEnd end;
  (void)end.take(frame(1, "", {"a", "b"}));
  const StreamReceiver again("r/x", end.rows);
  EXPECT_EQ(again.cursor(), 2U);
  EXPECT_EQ(again.journal_id(), "journal-1");
  EXPECT_EQ(again.cursor_hash(), end.receiver.cursor_hash());
  const MemoryRows none;
  EXPECT_TRUE(StreamReceiver("r/x", none).journal_id().empty());
}

}  // namespace
}  // namespace metalmesh::delivery
