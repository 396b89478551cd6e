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

namespace {

/// One bit of it, by what it holds: what is guessed from the rest may be wrong, or nothing.
RowDamage flipped(std::string bytes) {
  std::uint64_t at = 1469598103934665603U;
  for (const char byte : bytes) at = (at ^ static_cast<unsigned char>(byte)) * 1099511628211U;
  if (!bytes.empty()) bytes[at / 8 % bytes.size()] ^= static_cast<char>(1U << (at % 8));
  return {std::move(bytes), false};
}

}  // namespace

Result<std::optional<std::string>> SimStore::get(std::string_view key) const {
  auto found = rows_.find(key);
  if (found && rotten_.contains(key)) return std::unexpected(damaged_row(key, flipped(std::move(*found))));
  return found;
}

Result<std::vector<Row>> SimStore::scan(std::string_view first, std::string_view last,
                                        std::size_t limit) const {
  auto found = rows_.scan(first, last, limit);
  if (rotten_.empty()) return found;
  for (Row& row : *found) {
    if (rotten_.contains(row.key)) row.value = std::unexpected(flipped(std::move(*row.value)));
  }
  return found;
}

std::size_t SimStore::bytes() const {
  std::size_t sum = 0;
  for (const auto& [key, value] : rows_.rows()) sum += key.size() + value.size();
  return sum;
}

}  // namespace metalmesh::sim
