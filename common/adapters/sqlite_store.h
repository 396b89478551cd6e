// The agent's store: SQLite in WAL mode with synchronous=FULL, one table of (key, value), chosen for its
// footprint on edge boxes. Rows are sealed (ports/row_seal.h): a rotten one is told apart, the others go on.
// Every commit is one transaction and is on disk when it returns. A torn tail of
// the WAL is dropped at open (it was never acknowledged); a damaged database is refused as corrupt.
// What is deleted is overwritten with zeros, and the rows of StoreOptions.wiped leave the WAL with the commit that deletes them.
// Damage in the middle of the WAL looks like a torn tail to SQLite: the hash chain of the streams and
// the peer's high-water mark detect that, see common/delivery.
// Safe from any thread; calls are serialised.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/adapters/store_folder.h"
#include "common/ports/store.h"

namespace metalmesh::adapters {

class SqliteStore final : public Store {
 public:
  /// Kinds: as StoreFolder::open, and corrupt.
  static Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& folder,
                                                   const StoreOptions& options = {});
  /// The same; kind not_found when there is no store.
  static Result<std::unique_ptr<SqliteStore>> open_existing(const std::filesystem::path& folder,
                                                            const StoreOptions& options = {});
  ~SqliteStore() override;

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override;
  [[nodiscard]] Result<std::vector<Row>> scan(std::string_view first, std::string_view last,
                                              std::size_t limit) const override;
  [[nodiscard]] Status commit(const Batch& batch) override;
  [[nodiscard]] StoreSpace space() const override;

  /// What was mended when this was opened: rows of which one byte of the key had rotted are back in their places.
  [[nodiscard]] const std::vector<std::string>& notes() const;

 private:
  struct State;
  static Result<std::unique_ptr<SqliteStore>> open_in(StoreFolder folder, const StoreOptions& options);
  explicit SqliteStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace metalmesh::adapters
