// The store: ordered keys, atomic synced batches, reads of what was committed.
//
// What is read is what was written: every row carries a checksum over key and value (row_seal.h), looked at on
// every read. A row that is not whole is told apart from one that is not there, and hides no other row.
//
// One suite (tests/contract/store_contract.h) runs on the simulated store, SQLite (agent) and RocksDB
// (controller).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace metalmesh {

/// What lies there instead of a row.
struct RowDamage {
  std::string bytes;         // as found, without the seal: for people, and for what errs towards refusing
  bool value_whole = false;  // the value is as it was written, but under another key
  bool operator==(const RowDamage&) const = default;
};

struct Row {
  std::string key;
  std::expected<std::string, RowDamage> value;
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
  /// Fails with `corrupt` when the row is damaged, or when it cannot be told whether there is one; with
  /// `unavailable` when the engine cannot read now.
  [[nodiscard]] virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;
  /// Rows with first <= key < last (bytewise), ascending, at most `limit`; damaged ones stand among them under
  /// the key that was found. An empty `last` means no upper bound. Fails as `get` does when rows cannot be
  /// told from one another.
  [[nodiscard]] virtual Result<std::vector<Row>> scan(std::string_view first, std::string_view last,
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
