// A store of the test: committed rows in a map.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/ports/store.h"

namespace metalmesh::testing {

class MemoryStore final : public RowReader {
 public:
  void commit(const Batch& batch) {
    for (const RowWrite& write : batch) {
      if (write.value) {
        rows_[write.key] = *write.value;
      } else {
        rows_.erase(write.key);
      }
    }
  }
  [[nodiscard]] std::optional<std::string> get(std::string_view key) const override {
    const auto found = rows_.find(std::string(key));
    return found == rows_.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] std::vector<Row> scan(std::string_view first, std::string_view last,
                                      std::size_t limit) const override {
    std::vector<Row> out;
    for (auto it = rows_.lower_bound(std::string(first)); it != rows_.end() && out.size() < limit; ++it) {
      if (!last.empty() && it->first >= last) break;
      out.push_back({it->first, it->second});
    }
    return out;
  }
  [[nodiscard]] const std::map<std::string, std::string>& rows() const { return rows_; }
  void restore(std::map<std::string, std::string> rows) { rows_ = std::move(rows); }

 private:
  std::map<std::string, std::string> rows_;
};

}  // namespace metalmesh::testing
