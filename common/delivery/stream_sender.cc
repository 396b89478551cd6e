#include "common/delivery/stream_sender.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/digest.h"
#include "common/base/planted.h"
#include "schemas/record/stream.pb.h"

namespace metalmesh::delivery {
namespace {

constexpr std::uint32_t row_version = 1;
constexpr std::size_t hash_bytes = 32;
constexpr std::uint64_t trims_per_ack = 1024;
constexpr unsigned slowest_resend = 4;  // shifts of resend_after

std::string big_endian(std::uint64_t value) {
  std::string bytes(8, '\0');
  for (int i = 7; i >= 0; --i, value >>= 8)
    bytes[static_cast<std::size_t>(i)] = static_cast<char>(value & 0xff);
  return bytes;
}

}  // namespace

StreamSender::StreamSender(std::string prefix, const RowReader& rows, SenderLimits limits)
    : prefix_(std::move(prefix)), rows_(rows), limits_(limits) {
  MM_CHECK(limits_.window > 0 && limits_.entry_bytes <= limits_.frame_bytes);
  const auto row = rows_.get(meta_key());
  if (!row) return;
  record::StreamSender meta;
  MM_CHECK(meta.ParseFromString(*row) && meta.row_version() == row_version);
  journal_id_ = meta.journal_id();
  next_seq_ = meta.next_seq();
  head_hash_ = meta.head_hash();
  first_kept_ = meta.first_kept();
  base_hash_ = meta.base_hash();
  acked_ = meta.acked();
  readable_ = next_seq_ - 1;
  sent_ = acked_;
}

bool StreamSender::exists() const { return !journal_id_.empty(); }
const std::string& StreamSender::journal_id() const { return journal_id_; }
std::uint64_t StreamSender::next_seq() const { return next_seq_; }
const std::string& StreamSender::head_hash() const { return head_hash_; }
std::uint64_t StreamSender::acked() const { return acked_; }

std::string StreamSender::meta_key() const { return prefix_ + "m"; }
std::string StreamSender::entry_key(std::uint64_t seq) const { return prefix_ + "e" + big_endian(seq); }

void StreamSender::store(Batch& batch) const {
  record::StreamSender meta;
  meta.set_row_version(row_version);
  meta.set_journal_id(journal_id_);
  meta.set_next_seq(next_seq_);
  meta.set_head_hash(head_hash_);
  meta.set_first_kept(first_kept_);
  meta.set_base_hash(base_hash_);
  meta.set_acked(acked_);
  batch.push_back({meta_key(), meta.SerializeAsString()});
}

void StreamSender::create(std::string journal_id, Batch& batch) {
  MM_CHECK(!journal_id.empty());
  for (std::uint64_t seq = first_kept_; seq < next_seq_; ++seq)
    batch.push_back({entry_key(seq), std::nullopt});
  journal_id_ = std::move(journal_id);
  next_seq_ = 1;
  head_hash_.clear();
  first_kept_ = 1;
  base_hash_.clear();
  acked_ = readable_ = sent_ = 0;
  unanswered_ = 0;
  due_.reset();
  store(batch);
}

Result<std::uint64_t> StreamSender::append(const std::string& entry, Batch& batch) {
  MM_CHECK(exists());
  if (entry.size() > limits_.entry_bytes) {
    return fail(ErrorKind::exhausted, "stream entry of " + std::to_string(entry.size()) +
                                          " bytes; the limit is " + std::to_string(limits_.entry_bytes));
  }
  const std::uint64_t seq = next_seq_++;
  head_hash_ = sha256(head_hash_, entry);
  batch.push_back({entry_key(seq), head_hash_ + entry});
  store(batch);
  return seq;
}

void StreamSender::on_committed() { readable_ = next_seq_ - 1; }

std::optional<std::string> StreamSender::hash_at(std::uint64_t seq) const {
  if (seq == 0) return std::string();
  if (seq == next_seq_ - 1) return head_hash_;
  if (seq == first_kept_ - 1) return base_hash_;
  if (seq < first_kept_ || seq > readable_) return std::nullopt;
  const auto row = rows_.get(entry_key(seq));
  MM_CHECK(row && row->size() >= hash_bytes);
  return row->substr(0, hash_bytes);
}

void StreamSender::arm_resend(const Now& now) {
  if (sent_ == acked_) {
    due_.reset();
  } else if (!due_) {
    due_ = now.mono + limits_.resend_after * (1U << std::min(unanswered_, slowest_resend));
  }
}

std::vector<wire::Data> StreamSender::pump(const Now& now) {
  std::vector<wire::Data> frames;
  if (due_ && now.mono >= *due_ && !planted(Defect::never_resends)) {
    sent_ = acked_;  // go back: whatever was in flight is taken for lost
    ++unanswered_;
    due_.reset();
  }
  const std::uint64_t until =
      planted(Defect::window_ignored) ? readable_ : std::min(readable_, acked_ + limits_.window);
  if (sent_ < until) {
    const auto rows = rows_.scan(entry_key(sent_ + 1), entry_key(until + 1), until - sent_);
    MM_CHECK(rows.size() == until - sent_);
    std::string previous = hash_at(sent_).value();
    std::size_t in_frame = 0;
    for (const Row& row : rows) {
      MM_CHECK(row.key == entry_key(sent_ + 1) && row.value.size() >= hash_bytes);
      const std::size_t size = row.value.size() - hash_bytes;
      if (frames.empty() || in_frame + size > limits_.frame_bytes) {
        wire::Data& frame = frames.emplace_back();
        frame.set_journal_id(journal_id_);
        frame.set_first_seq(sent_ + 1);
        frame.set_prev_hash(previous);
        in_frame = 0;
      }
      frames.back().add_entries(row.value.substr(hash_bytes));
      in_frame += size;
      previous = row.value.substr(0, hash_bytes);
      ++sent_;
    }
  }
  arm_resend(now);
  return frames;
}

std::optional<MonoTime> StreamSender::next_due() const { return due_; }

void StreamSender::rewind() {
  sent_ = acked_;
  unanswered_ = 0;
  due_.reset();
}

StreamSender::AckResult StreamSender::on_ack(const wire::Ack& ack, Batch& batch) {
  if (!exists() || ack.journal_id() != journal_id_) return AckResult::foreign_journal;
  // Only committed entries were ever sent: an ack beyond them knows a future that we have lost.
  if (ack.up_to() > readable_) return AckResult::diverged;
  const auto hash = hash_at(ack.up_to());
  if (hash && *hash != ack.head_hash()) return AckResult::diverged;
  if (ack.up_to() < acked_) return AckResult::stale;

  const bool progress = ack.up_to() > acked_;
  if (progress) {
    acked_ = ack.up_to();
    sent_ = std::max(sent_, acked_);
    unanswered_ = 0;
    due_.reset();
  }
  const std::uint64_t kept_before = first_kept_;
  trim(planted(Defect::trims_above_keep_from) ? acked_ + 1 : std::min(acked_ + 1, ack.keep_from()), batch);
  if (progress || first_kept_ != kept_before) store(batch);
  return AckResult::ok;
}

void StreamSender::trim(std::uint64_t keep_from, Batch& batch) {
  if (keep_from <= first_kept_) return;
  const std::uint64_t until = std::min(keep_from, first_kept_ + trims_per_ack);
  base_hash_ = hash_at(until - 1).value();
  for (; first_kept_ < until; ++first_kept_) batch.push_back({entry_key(first_kept_), std::nullopt});
}

StreamSender::ResyncResult StreamSender::on_resync(const wire::Resync& resync) {
  if (!exists() || resync.journal_id() != journal_id_) return ResyncResult::foreign_journal;
  if (resync.from() < first_kept_) return ResyncResult::trimmed;
  if (resync.from() > sent_) return ResyncResult::ok;  // on its way anyway
  acked_ = std::min(acked_, resync.from() - 1);
  sent_ = resync.from() - 1;
  due_.reset();
  return ResyncResult::ok;
}

}  // namespace metalmesh::delivery
