#include "common/adapters/rocks_store.h"

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <system_error>
#include <utility>

#include "common/adapters/rocks_options.h"
#include "common/adapters/rocks_rescue.h"
#include "common/base/check.h"
#include "common/ports/row_key_search.h"
#include "common/ports/row_seal.h"
#include "common/text/hex.h"

namespace metalmesh::adapters {
namespace {

using rocks::slice;
using rocks::view;

constexpr char rows_name[] = "rows";
constexpr char mark_name[] = "HIGHEST";

Error read_error(const rocksdb::Status& status, std::string_view where) {
  const bool damaged = status.IsCorruption();
  return {damaged ? ErrorKind::corrupt : ErrorKind::unavailable,
          fmt::format("reading the store {}: {}{}", where, status.ToString(),
                      damaged ? ". Next: metalmesh-controller store check" : "")};
}

/// A row of ours that comes behind all that was asked for. A damaged key may claim anything.
bool is_behind(const Row& row, std::string_view last) {
  return !last.empty() && row.value && row.key >= last;
}

/// Bytes; grown as it fills, a batch of thousands of rows would be copied a dozen times and take twice as much.
std::size_t room_for(const Batch& batch) {
  constexpr std::size_t around_row = 32;  // lengths and seal
  std::size_t bytes = around_row;
  for (const RowWrite& row : batch)
    bytes += row.key.size() + (row.value ? row.value->size() : 0) + around_row;
  return bytes;
}

}  // namespace

RocksStore::RocksStore(StoreFolder folder, const StoreOptions& options, HighMark::Use use)
    : folder_(std::move(folder)),
      open_files_(options.open_files),
      cipher_(std::make_unique<RowCipher>(options.keys)),
      mark_(folder_.path() / mark_name, use) {}

RocksStore::~RocksStore() {
  // Rows in tables rot one by one; a log that has rotted ends there.
  if (db_) static_cast<void>(db_->Flush(rocksdb::FlushOptions()));
}

Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::filesystem::path& folder,
                                                     const StoreOptions& options) {
  auto locked = StoreFolder::open(folder, "rocksdb", options);
  if (!locked) return std::unexpected(locked.error());
  std::unique_ptr<RocksStore> store(new RocksStore(std::move(*locked), options, HighMark::Use::keep));
  if (auto status = store->open_database(); !status) return std::unexpected(status.error());
  store->compare_marks();
  if (auto status = store->look_over(); !status) return std::unexpected(status.error());
  if (auto status = store->look_at_rows(); !status) return std::unexpected(status.error());
  return store;
}

Result<std::unique_ptr<RocksStore>> RocksStore::open_for_reading(const std::filesystem::path& folder,
                                                                 const StoreOptions& options) {
  auto locked = StoreFolder::open_existing(folder, "rocksdb", options);
  if (!locked) return std::unexpected(locked.error());
  std::unique_ptr<RocksStore> store(new RocksStore(std::move(*locked), options, HighMark::Use::look));
  if (auto status = store->open_database(true); !status) return std::unexpected(status.error());
  if (auto status = store->check_first_key(); !status) return std::unexpected(status.error());
  store->compare_marks();
  return store;
}

Status RocksStore::open_database(bool for_reading) {
  db_.reset();
  const std::string path = (folder_.path() / rows_name).string();
  rocksdb::DB* raw = nullptr;
  auto options = rocks::database_options(open_files_);
  if (for_reading) options.info_log = rocks::no_log();
  const auto status = for_reading ? rocksdb::DB::OpenForReadOnly(options, path, &raw)
                                  : rocksdb::DB::Open(options, path, &raw);
  db_.reset(raw);
  if (status.ok()) return {};
  const std::string text = status.ToString();
  if (status.IsIOError() && text.find("lock") != std::string::npos && !status.IsNoSpace()) {
    return std::unexpected(StoreFolder::in_use(folder_.path()));
  }
  const ErrorKind kind = rocks::kind_of(status);
  return fail(kind,
              fmt::format("opening {}: {}{}", path, text,
                          kind == ErrorKind::corrupt
                              ? "; move the folder away and put a backup back: metalmesh-controller restore"
                              : ""));
}

void RocksStore::compare_marks() {
  const std::uint64_t there = db_->GetLatestSequenceNumber();
  if (mark_.found() <= there) return;
  losses_.push_back(
      fmt::format("the newest writes of this store are gone ({} of {}): its log is damaged, or the folder is "
                  "an older copy",
                  mark_.found() - there, mark_.found()));
}

Status RocksStore::blocks_are_whole() const {
  const std::lock_guard lock(mutex_);
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator(options));
  iterator->SeekToFirst();
  while (iterator->Valid()) iterator->Next();
  if (iterator->status().ok()) return {};
  return std::unexpected(read_error(iterator->status(), folder_.path().string()));
}

/// Every block, so that what has rotted is found now and not by the engine when it tidies up.
Status RocksStore::look_over() {
  if (Status whole = blocks_are_whole(); whole || whole.error().kind != ErrorKind::corrupt) return whole;
  namespace fs = std::filesystem;
  const fs::path rows = folder_.path() / rows_name;
  const fs::path fresh = folder_.path() / "rows.new";
  std::error_code code;
  fs::remove_all(fresh, code);
  const auto rescued = rocks::copy_rows(*db_, fresh, open_files_);
  if (!rescued) return std::unexpected(rescued.error());
  fs::path aside;
  for (int n = 1; aside.empty() || fs::exists(aside, code); ++n)
    aside = folder_.path() / fmt::format("rows.damaged-{}", n);
  db_.reset();
  fs::rename(rows, aside, code);
  if (!code) fs::rename(fresh, rows, code);
  if (code) return fail(ErrorKind::internal, fmt::format("replacing {}: {}", rows.string(), code.message()));
  if (auto synced = os::sync_folder(folder_.path()); !synced) return synced;
  if (auto opened = open_database(); !opened) return opened;
  mark_.set(db_->GetLatestSequenceNumber());
  notes_.push_back(fmt::format(
      "blocks of the store have rotted: {} rows were copied out of them, the old files are kept in {}",
      rescued->rows, aside.string()));
  for (const auto& [from, to] : rescued->unread)
    losses_.push_back(fmt::format("rows between {} and {} could not be read any more", from, to));
  return {};
}

/// Whatever is whole can be read.
Status RocksStore::check_key(std::string_view key, std::string_view stored) const {
  const std::string missing = cipher_->missing_key(stored);
  if (missing.empty() || !unseal_row(key, std::string(stored))) return {};
  std::string given;
  if (cipher_->keys())
    for (const RowKeys::Key& one : cipher_->keys()->keys())
      given += (given.empty() ? "" : ", ") + to_hex(one.id);
  return fail(
      ErrorKind::denied,
      fmt::format(
          "{} is encrypted under the key {}, and {}. Next: bring that key back, as a line of the store's "
          "key file (see --store-key); nothing was changed",
          folder_.path().string(), missing,
          given.empty() ? "no key was given" : "the key file holds " + given));
}

Status RocksStore::check_first_key() const {
  const std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator(rocks::unchecked_reads()));
  for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
    if (Status known = check_key(view(iterator->key()), view(iterator->value())); !known) return known;
    if (cipher_->current(view(iterator->value()))) break;
  }
  return {};
}

/// Rows in clear, or under an older key, are written under the newest one, and what they were is cleared away.
Status RocksStore::encrypt_anew() {
  constexpr std::size_t batch_rows = 1024;
  std::size_t count = 0;
  Batch batch;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator(options));
  for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
    if (cipher_->current(view(iterator->value()))) continue;
    auto value = value_of(view(iterator->key()), iterator->value().ToString());
    if (!value) continue;  // damaged: that is told elsewhere
    batch.push_back({iterator->key().ToString(), std::move(*value)});
    ++count;
    if (batch.size() < batch_rows) continue;
    if (Status written = write(batch); !written) return written;
    batch.clear();
  }
  if (!iterator->status().ok())
    return std::unexpected(read_error(iterator->status(), folder_.path().string()));
  if (count == 0) return {};
  if (Status written = write(batch); !written) return written;
  rocksdb::CompactRangeOptions all;
  all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  const auto compacted = db_->CompactRange(all, nullptr, nullptr);
  if (!compacted.ok())
    return fail(rocks::kind_of(compacted), folder_.path().string() + ": " + compacted.ToString());
  encrypted_ = fmt::format("{} rows were encrypted anew, under the key {}; no row is under another", count,
                           to_hex(cipher_->keys()->keys().front().id));
  return {};
}

std::expected<std::string, RowDamage> RocksStore::value_of(std::string_view key, std::string stored) const {
  auto value = unseal_row(key, std::move(stored));
  if (!value) {
    value.error().bytes = cipher_->unproved(std::move(value.error().bytes));
  } else if (!cipher_->decrypt(key, *value)) {
    return std::unexpected(RowDamage{cipher_->unproved(std::move(*value)), false});
  }
  return value;
}

/// Whether all can be read, before anything is written. Rows of which one byte of the key has rotted go back to where they
/// were written, unless another one is there.
Status RocksStore::look_at_rows() {
  Batch batch;
  bool all_current = true;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator(options));
  for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
    const std::string_view key = view(iterator->key()), stored = view(iterator->value());
    if (Status known = check_key(key, stored); !known) return known;
    all_current = all_current && cipher_->current(stored);
    const auto right = key_written_under(key, stored);
    std::string other;
    if (!right || !db_->Get(rocksdb::ReadOptions(), slice(*right), &other).IsNotFound()) continue;
    auto value = value_of(*right, std::string(stored));
    if (!value) continue;
    batch.push_back({std::string(key), std::nullopt});
    batch.push_back({*right, std::move(*value)});
    notes_.push_back(fmt::format("row {} lay under {} and is back in its place", printable_key(*right),
                                 printable_key(key)));
  }
  if (!iterator->status().ok())
    return std::unexpected(read_error(iterator->status(), folder_.path().string()));
  if (!batch.empty())
    if (Status written = write(batch); !written) return written;
  return all_current ? Status() : encrypt_anew();
}

Result<std::optional<std::string>> RocksStore::get(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  std::string stored;
  auto status = db_->Get(rocksdb::ReadOptions(), slice(key), &stored);
  if (status.IsCorruption()) {
    // The block is damaged; this row may be whole. That it is not there proves nothing now.
    status = db_->Get(rocks::unchecked_reads(), slice(key), &stored);
    if (status.IsNotFound()) status = rocksdb::Status::Corruption("a damaged block");
  }
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return std::unexpected(read_error(status, "at row " + printable_key(key)));
  auto value = value_of(key, std::move(stored));
  if (!value) return std::unexpected(damaged_row(key, value.error()));
  return std::move(*value);
}

Result<std::vector<Row>> RocksStore::scan(std::string_view first, std::string_view last,
                                          std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<Row> rows;
  // RocksDB does not define a lower bound above the upper one; the port says: no rows.
  if (limit == 0 || (!last.empty() && first >= last)) return rows;
  const auto take = [&](rocksdb::Iterator& iterator) {
    for (; iterator.Valid() && rows.size() < limit; iterator.Next()) {
      std::string key = iterator.key().ToString();
      auto value = value_of(key, iterator.value().ToString());
      rows.push_back({std::move(key), std::move(value)});
      if (!is_behind(rows.back(), last)) continue;
      rows.pop_back();
      break;
    }
    return iterator.status();
  };
  rocksdb::ReadOptions options;
  const rocksdb::Slice upper = slice(last);
  if (!last.empty()) options.iterate_upper_bound = &upper;
  std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator(options));
  iterator->Seek(slice(first));
  auto status = take(*iterator);
  if (status.IsCorruption()) {
    // Row by row: a bound would be held against keys that may be damaged.
    iterator.reset(db_->NewIterator(rocks::unchecked_reads()));
    iterator->Seek(slice(rows.empty() ? std::string(first) : rows.back().key + '\0'));
    status = take(*iterator);
  }
  if (!status.ok()) {
    return std::unexpected(read_error(
        status, "behind row " + printable_key(rows.empty() ? first : std::string_view(rows.back().key))));
  }
  return rows;
}

Status RocksStore::write(const Batch& batch) {
  rocksdb::WriteBatch writes(room_for(batch));
  for (const RowWrite& row : batch) {
    const auto status =
        row.value
            ? writes.Put(slice(row.key), slice(seal_row(row.key, cipher_->encrypt(row.key, *row.value))))
            : writes.Delete(slice(row.key));
    MM_CHECK(status.ok());
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  const auto status = db_->Write(options, &writes);
  if (status.ok()) {
    mark_.set(db_->GetLatestSequenceNumber());
    return {};
  }
  return fail(rocks::kind_of(status),
              fmt::format("writing {}: {}", folder_.path().string(), status.ToString()));
}

Status RocksStore::commit(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  auto status = write(batch);
  if (!status && status.error().kind == ErrorKind::exhausted && folder_.give_up_ballast()) {
    // A failed WAL write leaves the database read-only and perhaps a torn record; opening it again drops
    // that. Whether or not the batch got through, writing it again gives the same rows.
    const std::unique_lock nobody_copies(opened_);
    if (auto reopened = open_database(); !reopened) return reopened;
    status = write(batch);
  } else if (status) {
    folder_.restore_ballast();
  }
  return status;
}

StoreSpace RocksStore::space() const {
  const std::lock_guard lock(mutex_);
  return folder_.space();
}

Status RocksStore::copy_to(const std::filesystem::path& rows) const {
  const std::shared_lock stays_open(opened_);
  rocksdb::Checkpoint* raw = nullptr;
  auto status = rocksdb::Checkpoint::Create(db_.get(), &raw);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
  if (status.ok()) status = checkpoint->CreateCheckpoint(rows.string());
  if (status.ok()) return {};
  return fail(rocks::kind_of(status), fmt::format("copying to {}: {}", rows.string(), status.ToString()));
}

}  // namespace metalmesh::adapters
