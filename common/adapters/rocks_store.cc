#include "common/adapters/rocks_store.h"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <utility>

#include "common/base/check.h"

namespace metalmesh::adapters {
namespace {

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

rocksdb::Options database_options(std::size_t open_files) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // A recycled log would hide where the written records end.
  options.recycle_log_file_num = 0;
  options.track_and_verify_wals_in_manifest = true;
  options.write_buffer_size = std::size_t{4} << 20;
  options.max_write_buffer_number = 2;
  options.max_total_wal_size = std::uint64_t{16} << 20;
  options.max_background_jobs = 2;
  options.max_open_files = static_cast<int>(open_files);
  options.keep_log_file_num = 2;
  options.max_log_file_size = std::size_t{1} << 20;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(std::size_t{8} << 20);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

ErrorKind kind_of(const rocksdb::Status& status) {
  if (status.IsNoSpace()) return ErrorKind::exhausted;
  // A missing or shortened log shows up as an IO error only when a file is gone.
  if (status.IsCorruption() || status.IsPathNotFound()) return ErrorKind::corrupt;
  return ErrorKind::internal;
}

}  // namespace

RocksStore::RocksStore(StoreFolder folder, std::size_t open_files)
    : folder_(std::move(folder)), open_files_(open_files) {}
RocksStore::~RocksStore() = default;

Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::filesystem::path& folder,
                                                     const StoreOptions& options) {
  auto locked = StoreFolder::open(folder, "rocksdb", options);
  if (!locked) return std::unexpected(locked.error());
  std::unique_ptr<RocksStore> store(new RocksStore(std::move(*locked), options.open_files));
  if (auto status = store->open_database(); !status) return std::unexpected(status.error());
  return store;
}

Status RocksStore::open_database() {
  db_.reset();
  const std::string path = (folder_.path() / "rows").string();
  rocksdb::DB* raw = nullptr;
  const auto status = rocksdb::DB::Open(database_options(open_files_), path, &raw);
  db_.reset(raw);
  if (status.ok()) return {};
  const std::string text = status.ToString();
  if (status.IsIOError() && text.find("lock") != std::string::npos && !status.IsNoSpace()) {
    return std::unexpected(StoreFolder::in_use(folder_.path()));
  }
  const ErrorKind kind = kind_of(status);
  return fail(kind, fmt::format("opening {}: {}{}", path, text,
                                kind == ErrorKind::corrupt ? "; restore the folder from a backup" : ""));
}

std::optional<std::string> RocksStore::get(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  std::string value;
  const auto status = db_->Get(rocksdb::ReadOptions(), slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  // A store that cannot read its own rows must not let anybody decide on what it returns.
  if (!status.ok()) check_failed(fmt::format("reading the store: {}", status.ToString()), __FILE__, __LINE__);
  return value;
}

std::vector<Row> RocksStore::scan(std::string_view first, std::string_view last, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  rocksdb::ReadOptions options;
  const rocksdb::Slice upper = slice(last);
  if (!last.empty()) options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator(options));
  std::vector<Row> rows;
  // RocksDB does not define a lower bound above the upper one; the port says: no rows.
  if (limit == 0 || (!last.empty() && first >= last)) return rows;
  for (iterator->Seek(slice(first)); iterator->Valid() && rows.size() < limit; iterator->Next()) {
    rows.push_back({iterator->key().ToString(), iterator->value().ToString()});
  }
  if (!iterator->status().ok()) {
    check_failed(fmt::format("reading the store: {}", iterator->status().ToString()), __FILE__, __LINE__);
  }
  return rows;
}

Status RocksStore::write(const Batch& batch) {
  rocksdb::WriteBatch writes;
  for (const RowWrite& row : batch) {
    const auto status =
        row.value ? writes.Put(slice(row.key), slice(*row.value)) : writes.Delete(slice(row.key));
    MM_CHECK(status.ok());
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  const auto status = db_->Write(options, &writes);
  if (status.ok()) return {};
  return fail(kind_of(status), fmt::format("writing {}: {}", folder_.path().string(), status.ToString()));
}

Status RocksStore::commit(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  auto status = write(batch);
  if (!status && status.error().kind == ErrorKind::exhausted && folder_.give_up_ballast()) {
    // A failed WAL write leaves the database read-only and perhaps a torn record; opening it again drops
    // that. Whether or not the batch got through, writing it again gives the same rows.
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

}  // namespace metalmesh::adapters
