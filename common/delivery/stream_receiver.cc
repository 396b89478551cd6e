#include "common/delivery/stream_receiver.h"

#include <utility>

#include "common/base/check.h"
#include "common/base/digest.h"
#include "common/base/planted.h"
#include "common/delivery/stream_rows.h"
#include "schemas/record/stream.pb.h"

namespace metalmesh::delivery {
namespace {

constexpr Duration resync_interval = std::chrono::seconds(1);

}  // namespace

StreamReceiver::StreamReceiver(std::string key, const RowReader& rows) : key_(std::move(key)) {
  const auto row = rows.get(key_);
  if (!row) check_failed(row.error().message, __FILE__, __LINE__);
  if (!*row) return;
  record::StreamReceiver stored;
  MM_CHECK(stored.ParseFromString(**row) && stored.row_version() == receiver_row_version);
  journal_id_ = stored.journal_id();
  cursor_ = stored.cursor();
  cursor_hash_ = stored.cursor_hash();
}

const std::string& StreamReceiver::journal_id() const { return journal_id_; }
std::uint64_t StreamReceiver::cursor() const { return cursor_; }
const std::string& StreamReceiver::cursor_hash() const { return cursor_hash_; }

void StreamReceiver::store(Batch& batch) const {
  record::StreamReceiver row;
  row.set_row_version(receiver_row_version);
  row.set_journal_id(journal_id_);
  row.set_cursor(cursor_);
  row.set_cursor_hash(cursor_hash_);
  batch.push_back({key_, row.SerializeAsString()});
}

void StreamReceiver::follow(std::string journal_id, Batch& batch) {
  MM_CHECK(!journal_id.empty());
  journal_id_ = std::move(journal_id);
  cursor_ = 0;
  cursor_hash_.clear();
  last_resync_.reset();
  store(batch);
}

void StreamReceiver::follow_at(std::string journal_id, std::uint64_t cursor, std::string cursor_hash,
                               Batch& batch) {
  follow(std::move(journal_id), batch);
  if (cursor > 0) skip_to(cursor, std::move(cursor_hash), batch);
}

void StreamReceiver::forget(Batch& batch) {
  journal_id_.clear();
  cursor_ = 0;
  cursor_hash_.clear();
  batch.push_back({key_, std::nullopt});
}

void StreamReceiver::adopt(std::string hash, Batch& batch) {
  if (!hash_unknown() || hash.empty()) return;
  cursor_hash_ = std::move(hash);
  store(batch);
}

bool StreamReceiver::skip_to(std::uint64_t seq, std::string hash, Batch& batch) {
  if (journal_id_.empty() || seq <= cursor_ || hash.empty()) return false;
  cursor_ = seq;
  cursor_hash_ = std::move(hash);
  last_resync_.reset();
  store(batch);
  return true;
}

StreamReceiver::Taken StreamReceiver::on_data(const wire::Data& data, const Now& now, Batch& batch) {
  if (journal_id_.empty() || data.journal_id() != journal_id_) return {Verdict::foreign_journal, {}, {}};
  if (data.first_seq() > cursor_ + 1 && !planted(Defect::gap_accepted)) {
    Taken taken{Verdict::gap, {}, {}};
    if (!last_resync_ || now.mono - *last_resync_ >= resync_interval) {
      last_resync_ = now.mono;
      taken.resync.emplace();
      taken.resync->set_journal_id(journal_id_);
      taken.resync->set_from(cursor_ + 1);
    }
    return taken;
  }
  // Numbers start at 1, with nothing before them.
  if (data.first_seq() == 0 || (data.first_seq() == 1) != data.prev_hash().empty()) {
    return {Verdict::diverged, {}, {}};
  }

  Taken taken{Verdict::duplicate, {}, {}};
  std::uint64_t seq = data.first_seq() - 1;
  std::string hash = data.prev_hash();
  const bool tolerant = planted(Defect::other_history_accepted);
  const auto is_other = [&] {
    if (seq != cursor_ || tolerant) return false;
    if (!hash_unknown()) return hash != cursor_hash_;
    cursor_hash_ = hash;
    store(batch);
    return false;
  };
  if (is_other()) return {Verdict::diverged, {}, {}};
  for (const std::string& entry : data.entries()) {
    ++seq;
    hash = sha256(hash, entry);
    if (is_other()) return {Verdict::diverged, {}, {}};
    const bool again = planted(Defect::dedupe_off_by_one) && seq == cursor_;
    if (seq > cursor_ || again) taken.entries.push_back({seq, entry, hash});
  }
  if (taken.entries.empty()) return taken;
  taken.verdict = Verdict::accepted;
  cursor_ = seq;
  cursor_hash_ = hash;
  store(batch);
  return taken;
}

wire::Ack StreamReceiver::ack(std::uint64_t keep_from) const {
  wire::Ack ack;
  ack.set_journal_id(journal_id_);
  ack.set_up_to(cursor_);
  ack.set_keep_from(keep_from);
  ack.set_head_hash(cursor_hash_);
  return ack;
}

}  // namespace metalmesh::delivery
