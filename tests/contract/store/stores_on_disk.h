// Real stores in temporary folders, shared by the contract suite and the damage tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "common/adapters/rocks_store.h"
#include "common/adapters/sqlite_store.h"

namespace metalmesh::adapters {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = testing::TempDir() + "mm-store-XXXXXX";
    const char* made = mkdtemp(pattern.data());
    if (made == nullptr) std::abort();
    path_ = made;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Small, so that a suite of hundreds of opens stays quick.
inline StoreOptions test_options() {
  return {.reserve_bytes = 1 << 20, .ballast_bytes = 64 << 10, .format = 1};
}

inline Result<std::unique_ptr<Store>> open_store(const std::string& engine,
                                                 const std::filesystem::path& folder,
                                                 const StoreOptions& options = test_options()) {
  if (engine == "sqlite") return SqliteStore::open(folder, options);
  return RocksStore::open(folder, options);
}

}  // namespace metalmesh::adapters
