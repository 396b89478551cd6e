// The controller's store: RocksDB with one column family and small memory settings. Every commit is one
// synced WriteBatch. Rows are sealed (ports/row_seal.h) and not compressed, so that one rotten byte costs the row
// that it is in and no other.
//
// Opening recovers to a point in time: what is there is a prefix of what was written, never one with a hole. Where
// newer writes are gone for another reason than that they were never acknowledged, and where blocks of rows were so
// damaged that they had to be copied out of their files, `losses` says so.
//
// With keys, every value is encrypted (row_cipher.h) below its seal, so that nobody has to know which rows may hold a
// secret, and damage is told without a key. Opening it with another first key writes all rows anew under that, and
// clears away what they were; a store under a key that is not given is refused, and nothing in it changed.
// Safe from any thread; calls are serialised, a backup is not.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/adapters/high_mark.h"
#include "common/adapters/row_cipher.h"
#include "common/adapters/store_folder.h"
#include "common/ports/store.h"

namespace rocksdb {
class DB;
}

namespace metalmesh::adapters {

class RocksStore final : public Store {
 public:
  /// Kinds: as StoreFolder::open, corrupt, and denied (encrypted under a key that is not given).
  static Result<std::unique_ptr<RocksStore>> open(const std::filesystem::path& folder,
                                                  const StoreOptions& options = {});
  /// Changes nothing in the folder, and commits nothing.
  static Result<std::unique_ptr<RocksStore>> open_for_reading(const std::filesystem::path& folder,
                                                              const StoreOptions& options = {});
  ~RocksStore() override;

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override;
  [[nodiscard]] Result<std::vector<Row>> scan(std::string_view first, std::string_view last,
                                              std::size_t limit) const override;
  [[nodiscard]] Status commit(const Batch& batch) override;
  [[nodiscard]] StoreSpace space() const override;

  /// What was committed once and is gone, as far as it was noticed when this was opened; sentences for people.
  [[nodiscard]] const std::vector<std::string>& losses() const { return losses_; }
  /// What was mended when this was opened, and where what it was mended from is kept.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  /// That rows were written under another key when this was opened; empty: none were.
  [[nodiscard]] const std::string& encrypted_anew() const { return encrypted_; }

  /// Whether every block of rows has the checksum it was written with; where one has not, its rows are read one by one,
  /// and one of them may be out of its place. Kinds: corrupt, unavailable.
  [[nodiscard]] Status blocks_are_whole() const;

  /// Those it was opened with.
  [[nodiscard]] const std::shared_ptr<const RowKeys>& keys() const { return cipher_->keys(); }

  /// A copy of all rows as they are at one moment, into the folder `rows`, which must not exist. Commits go on.
  [[nodiscard]] Status copy_to(const std::filesystem::path& rows) const;

 private:
  RocksStore(StoreFolder folder, const StoreOptions& options, HighMark::Use use);
  Status open_database(bool for_reading = false);
  Status write(const Batch& batch);
  Status look_over();
  Status look_at_rows();
  Status encrypt_anew();
  Status check_key(std::string_view key, std::string_view stored) const;
  Status check_first_key() const;
  std::expected<std::string, RowDamage> value_of(std::string_view key, std::string stored) const;
  void compare_marks();

  mutable std::mutex mutex_;
  mutable std::shared_mutex opened_;  // held while somebody copies: the database is not opened anew meanwhile
  StoreFolder folder_;
  const std::size_t open_files_;
  const std::unique_ptr<RowCipher> cipher_;
  std::unique_ptr<rocksdb::DB> db_;
  HighMark mark_;
  std::vector<std::string> losses_;
  std::vector<std::string> notes_;
  std::string encrypted_;
};

}  // namespace metalmesh::adapters
