// The sending half of a numbered stream: a durable, hash-chained journal that is resent until the
// receiver acknowledged it. Pure: it returns rows and frames, the owner commits and publishes.
//
// Rows live under one prefix ("s/<name>/"): "m" is record::StreamSender, "e" + seq (8 bytes, big endian) is
// the entry's hash followed by the entry. Both change in one batch, so that a restart at any point loads a
// consistent journal. Memory is O(1): entries are read back through the RowReader when they are (re)sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/ports/store.h"
#include "schemas/wire/frames.pb.h"

namespace metalmesh::delivery {

struct SenderLimits {
  std::uint64_t window = 64;                        // entries in flight, unacknowledged
  std::size_t frame_bytes = 40 * 1024;              // of entries in one Data frame
  std::size_t entry_bytes = 40 * 1024;              // of one entry
  Duration resend_after = std::chrono::seconds(5);  // doubles up to 16 times that while nothing comes back
};

class StreamSender {
 public:
  /// Loads the journal below `prefix`, or nothing: then `create` must be called before `append`.
  StreamSender(std::string prefix, const RowReader& rows, SenderLimits limits = {});

  [[nodiscard]] bool exists() const;
  /// Starts a new journal (its old rows, if any, are dropped).
  void create(std::string journal_id, Batch& batch);

  [[nodiscard]] const std::string& journal_id() const;
  [[nodiscard]] std::uint64_t next_seq() const;
  [[nodiscard]] const std::string& head_hash() const;
  [[nodiscard]] std::uint64_t acked() const;
  [[nodiscard]] std::uint64_t unacked() const { return next_seq() - 1 - acked(); }

  /// Gives `entry` the next number and adds its rows to `batch`. Sent only after `on_committed`.
  /// Fails with `exhausted` when the entry is too long.
  Result<std::uint64_t> append(const std::string& entry, Batch& batch);

  /// What `append` wrote is durable and readable.
  void on_committed();
  /// Frames to publish now: as many as the window allows. Call after on_committed, on_ack, on_resync, on a
  /// timer and when the bus came up (`rewind` first in that case).
  std::vector<wire::Data> pump(const Now& now);
  /// When `pump` wants to be called again, if nothing else happens (resend).
  [[nodiscard]] std::optional<MonoTime> next_due() const;
  /// Send again from the first unacknowledged entry (reconnect).
  void rewind();
  /// Why `pump` stops short of what was appended: an entry was damaged after it was written; empty: it does not.
  [[nodiscard]] const std::string& damage() const { return damage_; }

  enum class AckResult { ok, stale, foreign_journal, diverged };
  /// `diverged`: the receiver holds a different history (rollback, twin): the owner must quarantine.
  /// Trims rows below min(acked + 1, keep_from), a bounded number per ack.
  AckResult on_ack(const wire::Ack& ack, Batch& batch);
  enum class ResyncResult { ok, foreign_journal, trimmed };
  /// A receiver that lost entries it had acknowledged (restored from a backup) gets them again.
  /// `trimmed`: the receiver asks for entries that are no longer here; the owner tells it from where there
  /// are some.
  ResyncResult on_resync(const wire::Resync& resync);

  /// The oldest entry that is still here (next_seq: none), and the hash of the one before it.
  [[nodiscard]] std::uint64_t first_kept() const { return first_kept_; }
  [[nodiscard]] const std::string& base_hash() const { return base_hash_; }
  /// The hash of entry `seq`, if it is still here and whole (0: the empty hash).
  [[nodiscard]] std::optional<std::string> hash_at(std::uint64_t seq) const;

 private:
  [[nodiscard]] std::string meta_key() const;
  [[nodiscard]] std::string entry_key(std::uint64_t seq) const;
  void store(Batch& batch) const;
  void trim(std::uint64_t keep_from, Batch& batch);
  void go_on_behind_loss(Batch& batch);
  /// Where sending begins again: behind what is acknowledged, or is not there any more.
  [[nodiscard]] std::uint64_t goes_on_from() const { return acked_ < first_kept_ ? first_kept_ - 1 : acked_; }
  void arm_resend(const Now& now);

  std::string prefix_;
  const RowReader& rows_;
  SenderLimits limits_;
  std::string journal_id_;
  std::uint64_t next_seq_ = 1;
  std::string head_hash_;
  std::uint64_t first_kept_ = 1;
  std::string base_hash_;  // of entry first_kept_ - 1
  std::uint64_t acked_ = 0;
  std::uint64_t lost_from_ = 0;  // entries that were damaged before they were acknowledged; 0: none
  std::uint64_t lost_to_ = 0;
  std::string lost_hash_;       // of entry lost_to_
  std::uint64_t readable_ = 0;  // entries up to here are committed
  std::uint64_t sent_ = 0;
  unsigned unanswered_ = 0;  // resends since the last progress: they slow down
  std::optional<MonoTime> due_;
  std::string damage_;
};

}  // namespace metalmesh::delivery
