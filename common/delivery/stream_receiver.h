// The receiving half: takes each entry once and in order, asks for gaps, notices a peer whose history
// is not the one we know. Pure. State is one row ("r/<name>", record::StreamReceiver).
//
// The hash chain is checked over every entry that reaches the cursor, repeated ones included: a Data frame
// whose overlap hashes to something else than the cursor is another history, not a duplicate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/ports/store.h"
#include "schemas/wire/frames.pb.h"

namespace metalmesh::delivery {

struct Entry {
  std::uint64_t seq = 0;
  std::string bytes;
  std::string hash;
};

class StreamReceiver {
 public:
  StreamReceiver(std::string key, const RowReader& rows);

  /// Empty until a journal was followed.
  [[nodiscard]] const std::string& journal_id() const;
  [[nodiscard]] std::uint64_t cursor() const;
  [[nodiscard]] const std::string& cursor_hash() const;
  /// The row was damaged, and only the number of the last entry could be found out: its hash is whatever the sender
  /// says first. Nothing is acknowledged before.
  [[nodiscard]] bool hash_unknown() const { return cursor_ > 0 && cursor_hash_.empty(); }
  void adopt(std::string hash, Batch& batch);

  /// Starts to follow another journal from its beginning.
  void follow(std::string journal_id, Batch& batch);
  /// Goes on with another journal where it was left off.
  void follow_at(std::string journal_id, std::uint64_t cursor, std::string cursor_hash, Batch& batch);
  /// Removes the row; nothing is followed.
  void forget(Batch& batch);

  /// The entries up to `seq` do not exist any more: goes on behind them. Nothing when it is behind them
  /// already.
  bool skip_to(std::uint64_t seq, std::string hash, Batch& batch);

  enum class Verdict { accepted, duplicate, gap, foreign_journal, diverged };
  struct Taken {
    Verdict verdict = Verdict::duplicate;
    std::vector<Entry> entries;          // new ones, in order; the cursor row is in the batch
    std::optional<wire::Resync> resync;  // to send now (gaps are asked for at most once a second)
  };
  /// The owner applies the entries in the same batch: cursor and effects are one commit.
  Taken on_data(const wire::Data& data, const Now& now, Batch& batch);

  /// To publish after the commit that holds the cursor, also for duplicates (the first ack may be lost).
  /// `keep_from` is the owner's: entries below it are safe to trim at the sender.
  [[nodiscard]] wire::Ack ack(std::uint64_t keep_from) const;

 private:
  void store(Batch& batch) const;
  std::string key_;
  std::string journal_id_;
  std::uint64_t cursor_ = 0;
  std::string cursor_hash_;
  std::optional<MonoTime> last_resync_;
};

}  // namespace metalmesh::delivery
