// What every store on disk needs around its engine: a folder of its own (0700), a lock so that two
// processes never share it, a format mark so that no binary takes the rows of another format for its own, a reserve
// of free space and a ballast file. The ballast is given up once when the disk is full, so that what ends
// existing work can still be written; it comes back when there is room again.
// Not thread-safe; the store that owns it serialises calls.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/os/files.h"
#include "common/ports/store.h"

namespace metalmesh::adapters {

class RowKeys;  // row_cipher.h

struct StoreOptions {
  /// Free space below which StoreSpace.low is set, in bytes.
  std::uint64_t reserve_bytes = std::uint64_t{64} << 20;
  std::uint64_t ballast_bytes = std::uint64_t{8} << 20;
  /// The one format of rows that this binary reads; a new folder is marked with it. 1: rows without checksums.
  std::uint32_t format = 2;
  /// Files of rows that the engine keeps open, at most.
  std::size_t open_files = 128;
  /// RocksDB: under which values are encrypted; none: in clear.
  std::shared_ptr<const RowKeys> keys = nullptr;
  /// SQLite: what was in a row whose key begins so is in none of its files any more once it is deleted.
  std::vector<std::string> wiped = {};
};

class StoreFolder {
 public:
  /// Creates the folder if needed, locks it and checks the mark. Kinds: conflict (another process has it),
  /// unsupported (written by an older or newer release, or another engine), denied, internal.
  static Result<StoreFolder> open(const std::filesystem::path& path, std::string_view engine,
                                  const StoreOptions& options);
  /// The same, but not_found when there is no store, and nothing is added to it.
  static Result<StoreFolder> open_existing(const std::filesystem::path& path, std::string_view engine,
                                           const StoreOptions& options);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] StoreSpace space() const;
  /// True if there was a ballast to give up.
  bool give_up_ballast();
  /// Re-creates a missing ballast when that leaves the reserve untouched. Cheap when it is there.
  void restore_ballast();

  /// The one message for "somebody else has this folder", whoever noticed.
  static Error in_use(const std::filesystem::path& path);

 private:
  static Result<os::Fd> locked(const std::filesystem::path& path, std::string_view engine,
                               const StoreOptions& options);
  StoreFolder(std::filesystem::path path, os::Fd lock, const StoreOptions& options);

  std::filesystem::path path_;
  os::Fd lock_;
  StoreOptions options_;
  bool has_ballast_ = false;
};

}  // namespace metalmesh::adapters
