// Rows of which some have rotted: what a store makes of a flipped bit (ports/row_seal.h), without the disk.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/ports/memory_rows.h"
#include "common/ports/row_seal.h"

namespace metalmesh {

class RottenRows final : public RowReader {
 public:
  explicit RottenRows(const MemoryRows::Rows& rows) {
    for (const auto& [key, value] : rows) stored_.emplace(key, seal_row(key, value));
  }
  explicit RottenRows(const MemoryRows& rows) : RottenRows(rows.rows()) {}

  /// One bit of what is stored under `key`, its seal included.
  void flip(const std::string& key, std::size_t byte, unsigned bit = 0) {
    std::string& stored = stored_.at(key);
    stored[byte % stored.size()] = static_cast<char>(stored[byte % stored.size()] ^ (1U << bit));
  }
  /// One bit of the key itself; what is found under the new one.
  std::string flip_key(const std::string& key, std::size_t byte, unsigned bit = 0) {
    auto row = stored_.extract(key);
    MM_CHECK(!row.empty());
    row.key()[byte % key.size()] = static_cast<char>(row.key()[byte % key.size()] ^ (1U << bit));
    std::string now = row.key();
    stored_.insert(std::move(row));
    return now;
  }

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override {
    const auto found = stored_.find(key);
    if (found == stored_.end()) return std::nullopt;
    auto value = unseal_row(key, found->second);
    if (!value) return std::unexpected(damaged_row(key, value.error()));
    return std::move(*value);
  }
  [[nodiscard]] Result<std::vector<Row>> scan(std::string_view first, std::string_view last,
                                              std::size_t limit) const override {
    std::vector<Row> found;
    for (auto row = stored_.lower_bound(first); row != stored_.end() && found.size() < limit; ++row) {
      if (!last.empty() && row->first >= last) break;
      found.push_back({row->first, unseal_row(row->first, row->second)});
    }
    return found;
  }
  /// The whole ones, and what `batch` makes of them.
  [[nodiscard]] MemoryRows::Rows after(const Batch& batch) const {
    MemoryRows rows;
    for (const auto& [key, stored] : stored_) {
      if (auto value = unseal_row(key, stored)) rows.commit({{key, std::move(*value)}});
    }
    rows.commit(batch);
    return rows.rows();
  }

 private:
  std::map<std::string, std::string, std::less<>> stored_;
};

}  // namespace metalmesh
