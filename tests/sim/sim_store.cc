#include "tests/sim/sim_store.h"

#include <utility>

#include "common/ports/row_seal.h"

namespace metalmesh::sim {

Status SimStore::commit(const Batch& batch) {
  const auto fault = std::exchange(fault_, std::nullopt);
  if (fault == Fault::disk_full) return fail(ErrorKind::exhausted, "disk full");
  if (fault == Fault::torn) return fail(ErrorKind::internal, "lost power before the write was complete");
  rows_.commit(batch);
  if (!rotten_.empty()) {
    for (const RowWrite& write : batch) rotten_.erase(write.key);
  }
  if (fault == Fault::durable_but_unheard) return fail(ErrorKind::internal, "lost power after the write");
  return {};
}

Result<std::optional<std::string>> SimStore::get(std::string_view key) const {
  auto found = rows_.find(key);
  if (found && rotten_.contains(key)) return std::unexpected(damaged_row(key, {std::move(*found), false}));
  return found;
}

Result<std::vector<Row>> SimStore::scan(std::string_view first, std::string_view last,
                                        std::size_t limit) const {
  auto found = rows_.scan(first, last, limit);
  if (rotten_.empty()) return found;
  for (Row& row : *found) {
    if (rotten_.contains(row.key)) row.value = std::unexpected(RowDamage{std::move(*row.value), false});
  }
  return found;
}

std::size_t SimStore::bytes() const {
  std::size_t sum = 0;
  for (const auto& [key, value] : rows_.rows()) sum += key.size() + value.size();
  return sum;
}

}  // namespace metalmesh::sim
