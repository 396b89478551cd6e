#include "tests/sim/sim_store.h"

#include <utility>

namespace metalmesh::sim {

void SimStore::apply(Rows& rows, const Batch& batch) {
  for (const RowWrite& write : batch) {
    if (write.value) {
      rows[write.key] = *write.value;
    } else {
      rows.erase(write.key);
    }
  }
}

Status SimStore::commit(const Batch& batch) {
  const auto fault = std::exchange(fault_, std::nullopt);
  if (fault == Fault::disk_full) return fail(ErrorKind::exhausted, "disk full");
  if (fault == Fault::torn) return fail(ErrorKind::internal, "lost power before the write was complete");
  apply(rows_, batch);
  if (fault == Fault::durable_but_unheard) return fail(ErrorKind::internal, "lost power after the write");
  return {};
}

std::optional<std::string> SimStore::get(std::string_view key) const {
  const auto found = rows_.find(key);
  return found == rows_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Row> SimStore::scan(std::string_view first, std::string_view last, std::size_t limit) const {
  std::vector<Row> rows;
  for (auto i = rows_.lower_bound(first); i != rows_.end() && rows.size() < limit; ++i) {
    if (!last.empty() && i->first >= last) break;
    rows.push_back({i->first, i->second});
  }
  return rows;
}

std::size_t SimStore::bytes() const {
  std::size_t sum = 0;
  for (const auto& [key, value] : rows_) sum += key.size() + value.size();
  return sum;
}

}  // namespace metalmesh::sim
