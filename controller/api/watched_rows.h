// Reads rows for answers, and remembers the first one that could not be read: the store was whole when this controller
// started, so that it rots while it is used.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/ports/row_seal.h"
#include "common/ports/store.h"

namespace metalmesh::controller {

class WatchedRows final : public RowReader {
 public:
  explicit WatchedRows(const RowReader& rows) : rows_(rows) {}

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override {
    auto row = rows_.get(key);
    if (!row) note(row.error());
    return row;
  }
  [[nodiscard]] Result<std::vector<Row>> scan(std::string_view first, std::string_view last,
                                              std::size_t limit) const override {
    auto rows = rows_.scan(first, last, limit);
    if (!rows) {
      note(rows.error());
      return rows;
    }
    for (const Row& row : *rows) {
      if (!row.value) note(damaged_row(row.key, row.value.error()));
    }
    return rows;
  }
  /// Empty: all that was read was whole.
  [[nodiscard]] const std::string& damage() const { return damage_; }

 private:
  void note(const Error& error) const {
    if (damage_.empty()) damage_ = error.message;
  }
  const RowReader& rows_;
  mutable std::string damage_;
};

}  // namespace metalmesh::controller
