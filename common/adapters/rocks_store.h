// The controller's store: RocksDB with one column family and small memory settings. Every commit is one
// synced WriteBatch. Only a torn last record of the WAL is tolerated at open (it was never acknowledged);
// any other damage is refused as corrupt, because replaying up to it would silently lose rows.
// Safe from any thread; calls are serialised.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/adapters/store_folder.h"
#include "common/ports/store.h"

namespace rocksdb {
class DB;
}

namespace metalmesh::adapters {

class RocksStore final : public Store {
 public:
  /// Kinds: as StoreFolder::open, and corrupt.
  static Result<std::unique_ptr<RocksStore>> open(const std::filesystem::path& folder,
                                                  const StoreOptions& options = {});
  ~RocksStore() override;

  [[nodiscard]] std::optional<std::string> get(std::string_view key) const override;
  [[nodiscard]] std::vector<Row> scan(std::string_view first, std::string_view last,
                                      std::size_t limit) const override;
  [[nodiscard]] Status commit(const Batch& batch) override;
  [[nodiscard]] StoreSpace space() const override;

 private:
  RocksStore(StoreFolder folder, std::size_t open_files);
  Status open_database();
  Status write(const Batch& batch);

  mutable std::mutex mutex_;
  StoreFolder folder_;
  const std::size_t open_files_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace metalmesh::adapters
