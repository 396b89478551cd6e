#include "common/delivery/stream_sender.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/digest.h"
#include "common/base/planted.h"
#include "common/delivery/stream_rows.h"
#include "common/ports/row_seal.h"
#include "schemas/record/stream.pb.h"

namespace metalmesh::delivery {
namespace {

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
  if (!row) check_failed(row.error().message, __FILE__, __LINE__);
  if (!*row) return;
  record::StreamSender meta;
  MM_CHECK(meta.ParseFromString(**row) && meta.row_version() == sender_row_version);
  journal_id_ = meta.journal_id();
  next_seq_ = meta.next_seq();
  head_hash_ = meta.head_hash();
  first_kept_ = meta.first_kept();
  base_hash_ = meta.base_hash();
  acked_ = meta.acked();
  lost_from_ = meta.lost_from();
  lost_to_ = meta.lost_to();
  lost_hash_ = meta.lost_hash();
  readable_ = next_seq_ - 1;
  sent_ = goes_on_from();
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
  meta.set_row_version(sender_row_version);
  meta.set_journal_id(journal_id_);
  meta.set_next_seq(next_seq_);
  meta.set_head_hash(head_hash_);
  meta.set_first_kept(first_kept_);
  meta.set_base_hash(base_hash_);
  meta.set_acked(acked_);
  meta.set_lost_from(lost_from_);
  meta.set_lost_to(lost_to_);
  meta.set_lost_hash(lost_hash_);
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
  lost_from_ = lost_to_ = 0;
  lost_hash_.clear();
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
  if (!row) return std::nullopt;
  MM_CHECK(*row && (*row)->size() >= hash_bytes);
  return (*row)->substr(0, hash_bytes);
}

void StreamSender::arm_resend(const Now& now) {
  if (sent_ == goes_on_from()) {
    due_.reset();
  } else if (!due_) {
    due_ = now.mono + limits_.resend_after * (1U << std::min(unanswered_, slowest_resend));
  }
}

std::vector<wire::Data> StreamSender::pump(const Now& now) {
  std::vector<wire::Data> frames;
  if (due_ && now.mono >= *due_ && !planted(Defect::never_resends)) {
    sent_ = goes_on_from();  // go back: whatever was in flight is taken for lost
    ++unanswered_;
    due_.reset();
  }
  std::uint64_t until =
      planted(Defect::window_ignored) ? readable_ : std::min(readable_, goes_on_from() + limits_.window);
  if (lost_from_ > 0) until = std::min(until, lost_from_ - 1);
  if (sent_ < until) {
    const auto rows = rows_.scan(entry_key(sent_ + 1), entry_key(until + 1), until - sent_);
    auto before = hash_at(sent_);
    if (!rows || !before) {
      damage_ = rows ? "the journal below " + prefix_ + " is damaged at entry " + std::to_string(sent_)
                     : rows.error().message;
      arm_resend(now);
      return frames;
    }
    MM_CHECK(rows->size() == until - sent_);
    std::string previous = std::move(*before);
    std::size_t in_frame = 0;
    for (const Row& row : *rows) {
      if (!row.value) {
        damage_ = damaged_row(row.key, row.value.error()).message;
        break;
      }
      const std::string& value = *row.value;
      MM_CHECK(row.key == entry_key(sent_ + 1) && value.size() >= hash_bytes);
      const std::size_t size = value.size() - hash_bytes;
      if (frames.empty() || in_frame + size > limits_.frame_bytes) {
        wire::Data& frame = frames.emplace_back();
        frame.set_journal_id(journal_id_);
        frame.set_first_seq(sent_ + 1);
        frame.set_prev_hash(previous);
        in_frame = 0;
      }
      frames.back().add_entries(value.substr(hash_bytes));
      in_frame += size;
      previous = value.substr(0, hash_bytes);
      ++sent_;
    }
  }
  arm_resend(now);
  return frames;
}

std::optional<MonoTime> StreamSender::next_due() const { return due_; }

void StreamSender::rewind() {
  sent_ = goes_on_from();
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
  go_on_behind_loss(batch);
  trim(planted(Defect::trims_above_keep_from) ? acked_ + 1 : std::min(acked_ + 1, ack.keep_from()), batch);
  if (progress || first_kept_ != kept_before) store(batch);
  return AckResult::ok;
}

/// The receiver has all before it. It asks for what is not there, and is told where there is something again.
void StreamSender::go_on_behind_loss(Batch& batch) {
  if (lost_from_ == 0 || acked_ + 1 < lost_from_) return;
  for (; first_kept_ < lost_from_; ++first_kept_) batch.push_back({entry_key(first_kept_), std::nullopt});
  first_kept_ = lost_to_ + 1;
  base_hash_ = std::exchange(lost_hash_, {});
  lost_from_ = lost_to_ = 0;
  sent_ = std::max(sent_, goes_on_from());
}

void StreamSender::trim(std::uint64_t keep_from, Batch& batch) {
  if (keep_from <= first_kept_) return;
  const std::uint64_t until = std::min(keep_from, first_kept_ + trims_per_ack);
  auto base = hash_at(until - 1);
  if (!base) return;  // damaged: kept until it is known what the next one rests on
  base_hash_ = std::move(*base);
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
