// Committed rows in memory: what a recording is played on, what a simulated store keeps, and what tests load
// from. Not safe for several threads.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/ports/store.h"

namespace metalmesh {

class MemoryRows final : public RowReader {
 public:
  using Rows = std::map<std::string, std::string, std::less<>>;

  /// Cannot fail, and is visible at once.
  void commit(const Batch& batch) {
    for (const RowWrite& write : batch) {
      if (write.value) {
        rows_.insert_or_assign(write.key, *write.value);
      } else {
        rows_.erase(write.key);
      }
    }
  }
  /// The same as `get`, for those who know that memory does not rot.
  [[nodiscard]] std::optional<std::string> find(std::string_view key) const {
    const auto row = rows_.find(key);
    return row == rows_.end() ? std::nullopt : std::optional(row->second);
  }
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override {
    return find(key);
  }
  [[nodiscard]] Result<std::vector<Row>> scan(std::string_view first, std::string_view last,
                                              std::size_t limit) const override {
    std::vector<Row> found;
    for (auto row = rows_.lower_bound(first); row != rows_.end() && found.size() < limit; ++row) {
      if (!last.empty() && row->first >= last) break;
      found.push_back({row->first, row->second});
    }
    return found;
  }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] const Rows& rows() const { return rows_; }
  /// Forgets all it held: what a restored backup looks like.
  void restore(Rows rows) { rows_ = std::move(rows); }

 private:
  Rows rows_;
};

}  // namespace metalmesh
