#include "common/adapters/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

namespace metalmesh::adapters::rocks {

rocksdb::Options database_options(std::size_t open_files) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  // A recycled log would hide where the written records end.
  options.recycle_log_file_num = 0;
  options.track_and_verify_wals_in_manifest = true;
  options.write_buffer_size = std::size_t{4} << 20;
  // By default a MiB each; what a store has written since it was opened is seldom as much.
  options.arena_block_size = std::size_t{128} << 10;
  options.writable_file_max_buffer_size = std::size_t{64} << 10;
  options.max_write_buffer_number = 2;
  options.max_total_wal_size = std::uint64_t{16} << 20;
  options.max_background_jobs = 2;
  options.max_open_files = static_cast<int>(open_files);
  options.keep_log_file_num = 2;
  options.max_log_file_size = std::size_t{1} << 20;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.compression = rocksdb::kNoCompression;  // a rotten byte in a compressed block takes all of it along
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(std::size_t{8} << 20);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_restart_interval = 1;  // so does one in a key that others are told by
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

ErrorKind kind_of(const rocksdb::Status& status) {
  if (status.IsNoSpace()) return ErrorKind::exhausted;
  // A missing or shortened log shows up as an IO error only when a file is gone.
  if (status.IsCorruption() || status.IsPathNotFound()) return ErrorKind::corrupt;
  return ErrorKind::internal;
}

std::shared_ptr<rocksdb::Logger> no_log() {
  class NoLog final : public rocksdb::Logger {
   public:
    using rocksdb::Logger::Logv;
    void Logv(const char*, va_list) override {}
  };
  return std::make_shared<NoLog>();
}

rocksdb::ReadOptions unchecked_reads() {
  rocksdb::ReadOptions options;
  options.verify_checksums = false;
  options.fill_cache = false;
  return options;
}

}  // namespace metalmesh::adapters::rocks
