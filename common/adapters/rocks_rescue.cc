#include "common/adapters/rocks_rescue.h"

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <memory>
#include <optional>

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
    ++rows_;
    auto status = batch_.Put(key, value);
    return status.ok() && batch_.GetDataSize() >= batch_bytes ? write() : status;
  }
  rocksdb::Status finish() {
    auto status = write();
    return status.ok() ? db_.Flush(rocksdb::FlushOptions()) : status;
  }
  [[nodiscard]] std::size_t rows() const { return rows_; }

 private:
  rocksdb::Status write() {
    auto status = db_.Write(options_, &batch_);
    batch_.Clear();
    return status;
  }

  rocksdb::DB& db_;
  rocksdb::WriteOptions options_;
  rocksdb::WriteBatch batch_;
  std::size_t rows_ = 0;
};

/// The rows up to the first place that cannot be read, and the rows behind the last one.
rocksdb::Status copy_from_both_ends(rocksdb::DB& from, Target& to, Rescued& rescued) {
  const std::unique_ptr<rocksdb::Iterator> iterator(from.NewIterator(unchecked_reads()));
  std::optional<std::string> last;
  for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
    if (auto status = to.put(iterator->key(), iterator->value()); !status.ok()) return status;
    last = iterator->key().ToString();
  }
  if (iterator->status().ok()) return {};
  std::optional<std::string> first_behind;
  const std::unique_ptr<rocksdb::Iterator> backwards(from.NewIterator(unchecked_reads()));
  for (backwards->SeekToLast(); backwards->Valid(); backwards->Prev()) {
    if (last && view(backwards->key()) <= *last) break;
    if (auto status = to.put(backwards->key(), backwards->value()); !status.ok()) return status;
    first_behind = backwards->key().ToString();
  }
  rescued.unread.emplace_back(last ? printable_key(*last) : "the beginning",
                              first_behind ? printable_key(*first_behind) : "the end");
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
    status = copy_from_both_ends(from, target, rescued);
    if (status.ok()) status = target.finish();
    rescued.rows = target.rows();
  }
  if (status.ok()) return rescued;
  return fail(kind_of(status), fmt::format("copying rows to {}: {}", folder.string(), status.ToString()));
}

}  // namespace metalmesh::adapters::rocks
