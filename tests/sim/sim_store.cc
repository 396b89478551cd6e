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
  if (lazy_) unsynced_.push_back(batch);
  if (fault == Fault::durable_but_unheard) return fail(ErrorKind::internal, "lost power after the write");
  return {};
}

std::optional<std::string> SimStore::get(std::string_view key) const {
  const auto found = rows_.find(key);
  return found == rows_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> SimStore::durable(std::string_view key) const {
  if (!lazy_) return get(key);
  const auto found = durable_.find(key);
  return found == durable_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Row> SimStore::scan(std::string_view first, std::string_view last, std::size_t limit) const {
  std::vector<Row> rows;
  for (auto i = rows_.lower_bound(first); i != rows_.end() && rows.size() < limit; ++i) {
    if (!last.empty() && i->first >= last) break;
    rows.push_back({i->first, i->second});
  }
  return rows;
}

std::vector<Batch> SimStore::sync() {
  for (const Batch& batch : unsynced_) apply(durable_, batch);
  return std::exchange(unsynced_, {});
}

void SimStore::crash() {
  fault_.reset();
  if (!lazy_) return;
  unsynced_.clear();
  rows_ = durable_;
}

}  // namespace metalmesh::sim
