// Backups of a RocksStore: a folder that is a store of its own, with a file BACKUP that is written last and says that
// it is complete. Made from a snapshot (checkpoint) while commits go on, copied file by file (no links: what rots here
// must not rot there), and read back row by row before it counts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "common/adapters/rocks_store.h"
#include "common/base/log.h"
#include "common/ports/backup.h"
#include "common/ports/sink.h"

namespace metalmesh::adapters {

struct BackupFacts {
  std::string made;  // RFC 3339
  std::string version;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
};

/// Called now and then with what is copied and what is to be copied, in bytes.
using BackupProgress = std::function<void(std::uint64_t bytes, std::uint64_t size)>;

/// Kinds: conflict (the folder is there and not empty), exhausted, corrupt (a row is damaged), internal, unavailable
/// (stopped).
Result<BackupFacts> make_backup(const RocksStore& store, const std::filesystem::path& data_folder,
                                const std::filesystem::path& folder, const std::string& version,
                                const BackupProgress& progress, const std::stop_token& stop);

/// What a complete backup says of itself. Kinds: not_found (no backup, or one that was not finished), corrupt.
Result<BackupFacts> read_backup(const std::filesystem::path& folder);

/// Puts its rows into `data_folder`, which must not hold a store, if `keys` are theirs (a backup holds none). Kinds: as
/// read_backup and make_backup, and denied.
Status copy_backup(const std::filesystem::path& folder, const std::filesystem::path& data_folder,
                   const std::shared_ptr<const RowKeys>& keys = nullptr);

/// Makes backups on a thread of its own, one at a time, and says how they go.
class RocksBackups final : public Backups {
 public:
  /// References must outlive it. Destroying it gives up a backup that runs.
  RocksBackups(const RocksStore& store, std::filesystem::path data_folder, std::string version, Sink& sink)
      : store_(store), data_folder_(std::move(data_folder)), version_(std::move(version)), sink_(sink) {}

  void begin(BackupStart start) override;

 private:
  void run(const std::string& folder, const std::stop_token& stop);

  const RocksStore& store_;
  const std::filesystem::path data_folder_;
  const std::string version_;
  Sink& sink_;
  std::jthread thread_;
};

}  // namespace metalmesh::adapters
