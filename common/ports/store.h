// The store: ordered keys, atomic synced batches, reads of what was committed.
//
// One suite (tests/contract/store_contract.h) runs on the simulated store, SQLite (agent) and RocksDB
// (controller).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace metalmesh {

struct Row {
  std::string key;
  std::string value;
  bool operator==(const Row&) const = default;
};

/// A put, or a delete when `value` is empty (nullopt).
struct RowWrite {
  std::string key;
  std::optional<std::string> value;
  bool operator==(const RowWrite&) const = default;
};

/// Later writes of one key win over earlier ones in the same batch.
using Batch = std::vector<RowWrite>;

/// Read access to committed rows. Cores get one: reading one's own rows is deterministic and lets a
/// core keep windows instead of whole tables in memory. What a core returned in an Outcome is visible
/// only from the next `Committed` input on.
class RowReader {
 public:
  virtual ~RowReader() = default;
  [[nodiscard]] virtual std::optional<std::string> get(std::string_view key) const = 0;
  /// Rows with first <= key < last (bytewise), ascending, at most `limit`. An empty `last` means no upper
  /// bound.
  [[nodiscard]] virtual std::vector<Row> scan(std::string_view first, std::string_view last,
                                              std::size_t limit) const = 0;
};

struct StoreSpace {
  std::uint64_t free_bytes = 0;
  /// Below the reserve: no new work is accepted, only what ends existing work.
  bool low = false;
  bool operator==(const StoreSpace&) const = default;
};

class Store : public RowReader {
 public:
  /// Writes all of `batch` or nothing, and returns success only after it is on stable storage.
  /// After a failure the caller must not act on the batch and must reload: the process ends.
  /// Kinds: exhausted (disk full, also after the ballast was given up), corrupt, internal.
  [[nodiscard]] virtual Status commit(const Batch& batch) = 0;
  [[nodiscard]] virtual StoreSpace space() const = 0;
};

}  // namespace metalmesh
