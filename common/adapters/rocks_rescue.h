// Copies the rows of a RocksDB of which some blocks have rotted into a new one. The engine would meet those
// blocks again when it compacts, and refuse every write from then on; rows have checksums of their own, so that all
// but the rotten ones go on whole.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace rocksdb {
class DB;
}

namespace metalmesh::adapters::rocks {

struct Rescued {
  std::size_t rows = 0;
  /// Between these two keys (printable) rows were not to be told from one another; empty: nowhere.
  std::vector<std::pair<std::string, std::string>> unread;
};

/// Into `folder`, which must not exist. `from` is only read.
Result<Rescued> copy_rows(rocksdb::DB& from, const std::filesystem::path& folder, std::size_t open_files);

}  // namespace metalmesh::adapters::rocks
