#include "common/adapters/rocks_rescue.h"

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <memory>

#include "common/adapters/rocks_options.h"
#include "common/ports/row_seal.h"

namespace metalmesh::adapters::rocks {
namespace {

constexpr std::size_t batch_bytes = std::size_t{1} << 20;

/// Collects rows and writes them in batches.
class Target {
 public:
  explicit Target(rocksdb::DB& db) : db_(db) { options_.disableWAL = true; }

  rocksdb::Status put(const rocksdb::Slice& key, const rocksdb::Slice& value) {
    auto status = batch_.Put(key, value);
    return status.ok() && batch_.GetDataSize() >= batch_bytes ? write() : status;
  }
  rocksdb::Status finish() {
    auto status = write();
    return status.ok() ? db_.Flush(rocksdb::FlushOptions()) : status;
  }

 private:
  rocksdb::Status write() {
    auto status = db_.Write(options_, &batch_);
    batch_.Clear();
    return status;
  }

  rocksdb::DB& db_;
  rocksdb::WriteOptions options_;
  rocksdb::WriteBatch batch_;
};

/// Forwards and backwards: the engine leaves out what does not fit the order of its keys, which is another row in each
/// direction, and ends where a row cannot be told from the next one.
rocksdb::Status copy_both_ways(rocksdb::DB& from, Target& to, Rescued& rescued) {
  std::string last, first;
  const auto copy = [&](rocksdb::Iterator& iterator, std::string& reached, void (rocksdb::Iterator::*on)()) {
    for (; iterator.Valid(); (iterator.*on)()) {
      if (auto status = to.put(iterator.key(), iterator.value()); !status.ok()) return status;
      reached = iterator.key().ToString();
    }
    return rocksdb::Status();
  };
  const std::unique_ptr<rocksdb::Iterator> forwards(from.NewIterator(unchecked_reads()));
  forwards->SeekToFirst();
  if (auto status = copy(*forwards, last, &rocksdb::Iterator::Next); !status.ok()) return status;
  const std::unique_ptr<rocksdb::Iterator> backwards(from.NewIterator(unchecked_reads()));
  backwards->SeekToLast();
  if (auto status = copy(*backwards, first, &rocksdb::Iterator::Prev); !status.ok()) return status;
  if (!forwards->status().ok() || !backwards->status().ok())
    rescued.unread.emplace_back(printable_key(last), printable_key(first));
  return {};
}

}  // namespace

Result<Rescued> copy_rows(rocksdb::DB& from, const std::filesystem::path& folder, std::size_t open_files) {
  auto options = database_options(open_files);
  options.error_if_exists = true;
  rocksdb::DB* raw = nullptr;
  auto status = rocksdb::DB::Open(options, folder.string(), &raw);
  const std::unique_ptr<rocksdb::DB> db(raw);
  Rescued rescued;
  if (status.ok()) {
    Target target(*db);
    status = copy_both_ways(from, target, rescued);
    if (status.ok()) status = target.finish();
    const std::unique_ptr<rocksdb::Iterator> all(db->NewIterator(rocksdb::ReadOptions()));
    for (all->SeekToFirst(); all->Valid(); all->Next()) ++rescued.rows;
  }
  if (status.ok()) return rescued;
  return fail(kind_of(status), fmt::format("copying rows to {}: {}", folder.string(), status.ToString()));
}

}  // namespace metalmesh::adapters::rocks
