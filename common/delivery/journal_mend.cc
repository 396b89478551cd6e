#include "common/delivery/journal_mend.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "common/base/digest.h"
#include "common/delivery/stream_rows.h"
#include "common/ports/row_walk.h"
#include "schemas/record/stream.pb.h"

namespace metalmesh::delivery {
namespace {

constexpr std::size_t number_bytes = 8;

/// What is known of one entry's row.
struct Found {
  std::string key;
  std::string bytes;  // hash, then entry
  bool whole = false;

  [[nodiscard]] std::string hash() const { return bytes.substr(0, std::min(entry_hash_bytes, bytes.size())); }
  [[nodiscard]] std::string entry() const {
    return bytes.size() < entry_hash_bytes ? std::string() : bytes.substr(entry_hash_bytes);
  }
};

class Mender {
 public:
  Mender(std::string prefix, std::string journal_id)
      : prefix_(std::move(prefix)), journal_id_(std::move(journal_id)) {}

  Status read(const RowReader& rows);
  /// Every row is as it was written.
  [[nodiscard]] bool nothing_to_do() const { return !damaged_; }
  Result<MendedJournal> mend();

 private:
  void take_entry(const Row& row);
  void place_strays();
  [[nodiscard]] Status rebuild_head();
  /// The hash of entry `seq`, proven by what stands around it.
  [[nodiscard]] std::optional<std::string> proven_hash(std::uint64_t seq) const;
  [[nodiscard]] const Found* at(std::uint64_t seq) const {
    const auto found = entries_.find(seq);
    return found == entries_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] bool follows(std::uint64_t seq, const std::string& hash) const;
  void put_entry(std::uint64_t seq, std::string bytes);
  void lose(std::uint64_t seq);
  void finish_loss();
  [[nodiscard]] std::string key_of(std::uint64_t seq) const;

  std::string prefix_;
  std::string journal_id_;
  std::optional<record::StreamSender> head_;
  std::map<std::uint64_t, Found> entries_;
  std::vector<Found> strays_;  // whole values that lie under a damaged key
  bool damaged_ = false;
  bool head_damaged_ = false;
  MendedJournal out_;
};

std::string Mender::key_of(std::uint64_t seq) const {
  std::string key = prefix_ + "e";
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>((seq >> shift) & 0xff));
  return key;
}

Status Mender::read(const RowReader& rows) {
  std::string end = prefix_;
  ++end.back();
  return walk_rows(rows, prefix_, end, [&](const Row& row) -> Status {
    damaged_ = damaged_ || !row.value;
    if (row.key == prefix_ + "m") {
      head_damaged_ = !row.value;
      head_.emplace();
      if (row.value && !head_->ParseFromString(*row.value))
        return fail(ErrorKind::corrupt, "row " + printable_key(row.key) + " is damaged");
      if (!row.value) head_.reset();
      return {};
    }
    take_entry(row);
    return {};
  });
}

void Mender::take_entry(const Row& row) {
  const std::string head = prefix_ + "e";
  const bool is_entry = row.key.starts_with(head) && row.key.size() == head.size() + number_bytes;
  Found found{row.key, row.value ? *row.value : row.value.error().bytes, row.value.has_value()};
  if (!row.value) out_.batch.push_back({row.key, std::nullopt});
  if (!row.value && row.value.error().value_whole) {
    found.whole = true;
    strays_.push_back(std::move(found));
    return;
  }
  if (!is_entry) return;
  std::uint64_t seq = 0;
  for (const char byte : std::string_view(row.key).substr(head.size()))
    seq = seq << 8U | static_cast<unsigned char>(byte);
  entries_.emplace(seq, std::move(found));
}

/// Under the right key again, where the chain says that it is the one that is missing.
void Mender::place_strays() {
  for (const Found& stray : strays_) {
    for (const auto& [seq, before] : entries_) {
      if (!before.whole || entries_.contains(seq + 1)) continue;
      if (sha256(before.hash(), stray.entry()) != stray.hash()) continue;
      put_entry(seq + 1, stray.bytes);
      break;
    }
    if (head_ && head_->first_kept() > 0 && !entries_.contains(head_->first_kept()) &&
        sha256(head_->base_hash(), stray.entry()) == stray.hash())
      put_entry(head_->first_kept(), stray.bytes);
  }
}

void Mender::put_entry(std::uint64_t seq, std::string bytes) {
  out_.mended.push_back(printable_key(key_of(seq)));
  out_.batch.push_back({key_of(seq), bytes});
  entries_[seq] = {key_of(seq), std::move(bytes), true};
}

/// The entry behind `seq`, or the head, rests on this hash.
bool Mender::follows(std::uint64_t seq, const std::string& hash) const {
  const Found* next = at(seq + 1);
  if (next != nullptr && next->whole) return sha256(hash, next->entry()) == next->hash();
  return head_ && !head_damaged_ && seq + 1 == head_->next_seq() && hash == head_->head_hash();
}

std::optional<std::string> Mender::proven_hash(std::uint64_t seq) const {
  if (head_ && !head_damaged_ && seq + 1 == head_->first_kept()) return head_->base_hash();
  const Found* found = at(seq);
  if (found == nullptr) return std::nullopt;
  if (found->whole) return found->hash();
  if (found->bytes.size() >= entry_hash_bytes && follows(seq, found->hash())) return found->hash();
  return std::nullopt;
}

/// Its rows are all written together with it: the last entry that is there is the last there was.
Status Mender::rebuild_head() {
  if (!entries_.empty() && entries_.begin()->first == 1 && entries_.begin()->second.whole)
    out_.mended.push_back(printable_key(prefix_ + "m"));
  if (journal_id_.empty())
    return fail(ErrorKind::corrupt, "row " + printable_key(prefix_ + "m") +
                                        " is damaged, and nothing else says which journal this is");
  if (entries_.empty() || !entries_.rbegin()->second.whole)
    return fail(ErrorKind::corrupt,
                "row " + printable_key(prefix_ + "m") +
                    " and the end of the journal are damaged: where it ends is not known");
  record::StreamSender head;
  head.set_row_version(sender_row_version);
  head.set_journal_id(journal_id_);
  head.set_next_seq(entries_.rbegin()->first + 1);
  head.set_head_hash(entries_.rbegin()->second.hash());
  head.set_first_kept(entries_.begin()->first);
  if (head.first_kept() > 1) {  // what the first one rests on is not known: it goes, the next one rests on it
    const auto first = entries_.begin();
    if (entries_.size() < 2 || !first->second.whole)
      return fail(ErrorKind::corrupt, "the journal below " + prefix_ + " is damaged at its beginning");
    head.set_base_hash(first->second.hash());
    head.set_first_kept(first->first + 1);
    out_.batch.push_back({key_of(first->first), std::nullopt});
    entries_.erase(first);
  }
  head.set_acked(head.first_kept() - 1);  // sent again: whoever has it drops it
  head_ = std::move(head);
  return {};
}

void Mender::lose(std::uint64_t seq) {
  if (out_.lost_from == 0) out_.lost_from = seq;
  out_.lost_to = seq;
}

/// Sending goes on behind what is lost. Where all before it is acknowledged, that is where the journal begins.
void Mender::finish_loss() {
  if (out_.lost_from == 0) return;
  // What comes behind must rest on something that is known.
  auto hash = proven_hash(out_.lost_to);
  while (!hash && out_.lost_to + 1 < head_->next_seq()) hash = proven_hash(++out_.lost_to);
  const bool to_the_end = !hash;
  if (to_the_end) {
    hash = head_->head_hash();
    out_.lost_to = head_->next_seq() - 1;
  }
  const bool begins_there = out_.lost_from <= head_->acked() + 1;
  const std::uint64_t from = begins_there ? head_->first_kept() : out_.lost_from;
  for (std::uint64_t seq = from; seq <= out_.lost_to; ++seq)
    out_.batch.push_back({key_of(seq), std::nullopt});
  if (begins_there) {
    head_->set_first_kept(out_.lost_to + 1);
    head_->set_base_hash(*hash);
    out_.lost_from = std::max(out_.lost_from, head_->acked() + 1);
    if (out_.lost_to <= head_->acked()) out_.lost_from = out_.lost_to = 0;  // the receiver has them
    return;
  }
  head_->set_lost_from(out_.lost_from);
  head_->set_lost_to(out_.lost_to);
  head_->set_lost_hash(*hash);
}

Result<MendedJournal> Mender::mend() {
  if (!head_) {
    place_strays();
    if (auto rebuilt = rebuild_head(); !rebuilt) return std::unexpected(rebuilt.error());
  } else {
    place_strays();
  }
  for (std::uint64_t seq = head_->first_kept(); seq < head_->next_seq(); ++seq) {
    const Found* found = at(seq);
    if (found != nullptr && found->whole) continue;
    const auto before = proven_hash(seq - 1);
    if (found != nullptr && before) {
      const std::string hash = sha256(*before, found->entry());
      if (follows(seq, hash)) {
        put_entry(seq, hash + found->entry());
        continue;
      }
    }
    lose(seq);
  }
  finish_loss();
  out_.batch.push_back({prefix_ + "m", head_->SerializeAsString()});
  return std::move(out_);
}

}  // namespace

Result<MendedJournal> mend_journal(const std::string& prefix, const RowReader& rows,
                                   const std::string& journal_id) {
  Mender mender(prefix, journal_id);
  if (auto read = mender.read(rows); !read) return std::unexpected(read.error());
  if (mender.nothing_to_do()) return MendedJournal{};
  return mender.mend();
}

}  // namespace metalmesh::delivery
