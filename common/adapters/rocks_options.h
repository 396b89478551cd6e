// How every RocksDB of ours is opened, and what its errors mean.
#pragma once

#include <rocksdb/options.h>
#include <rocksdb/slice.h>
#include <rocksdb/status.h>

#include <cstddef>
#include <memory>
#include <string_view>

#include "common/base/result.h"

namespace metalmesh::adapters::rocks {

rocksdb::Options database_options(std::size_t open_files);
ErrorKind kind_of(const rocksdb::Status& status);
inline rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }
/// For those who only look: not a line is written.
std::shared_ptr<rocksdb::Logger> no_log();
/// Reads rows whose block does not have the checksum it was written with: each row has one of its own.
rocksdb::ReadOptions unchecked_reads();

}  // namespace metalmesh::adapters::rocks
