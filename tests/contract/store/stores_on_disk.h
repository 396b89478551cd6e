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
#include "tests/support/temporary_folder.h"

namespace metalmesh::adapters {

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
