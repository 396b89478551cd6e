// Committed rows in memory, for tests of what loads from rows.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ports/store.h"

namespace metalmesh {

class MemoryRows final : public RowReader {
 public:
  void apply(const Batch& batch) {
    for (const RowWrite& write : batch) {
      if (write.value) {
        rows_[write.key] = *write.value;
      } else {
        rows_.erase(write.key);
      }
    }
  }
  [[nodiscard]] std::optional<std::string> get(std::string_view key) const override {
    const auto found = rows_.find(key);
    return found == rows_.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] std::vector<Row> scan(std::string_view first, std::string_view last,
                                      std::size_t limit) const override {
    std::vector<Row> rows;
    for (auto i = rows_.lower_bound(first); i != rows_.end() && rows.size() < limit; ++i) {
      if (!last.empty() && i->first >= last) break;
      rows.push_back({i->first, i->second});
    }
    return rows;
  }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }

 private:
  std::map<std::string, std::string, std::less<>> rows_;
};

inline Now at(Duration since_boot) {
  const WallTime wall(std::chrono::hours(500'000) + since_boot);
  return {MonoTime(since_boot), wall, wall};
}

}  // namespace metalmesh
