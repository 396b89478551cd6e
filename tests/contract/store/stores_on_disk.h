// Real stores in temporary folders, shared by the contract suite and the damage tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "common/adapters/rocks_store.h"
#include "common/adapters/sqlite_store.h"
#include "tests/support/temporary_folder.h"

namespace metalmesh::adapters {

/// Small, so that a suite of hundreds of opens stays quick.
inline StoreOptions test_options() {
  return {.reserve_bytes = 1 << 20, .ballast_bytes = 64 << 10, .format = 2};
}

inline Result<std::unique_ptr<Store>> open_store(const std::string& engine,
                                                 const std::filesystem::path& folder,
                                                 const StoreOptions& options = test_options()) {
  if (engine == "sqlite") return SqliteStore::open(folder, options);
  return RocksStore::open(folder, options);
}

/// Flips a bit of each `mark` in the files that hold rows; how many there were.
inline int flip_in_files(const std::filesystem::path& folder, const std::string& mark) {
  int flipped = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string extension = entry.path().extension();
    if (!entry.is_regular_file() || (extension != ".db" && extension != ".sst")) continue;
    std::ostringstream content;
    content << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    std::string bytes = content.str();
    for (std::size_t at = bytes.find(mark); at != std::string::npos; at = bytes.find(mark, at + 1)) {
      bytes[at] = static_cast<char>(bytes[at] ^ 1);
      ++flipped;
    }
    std::ofstream(entry.path(), std::ios::binary) << bytes;
  }
  return flipped;
}

}  // namespace metalmesh::adapters
