#include "tests/sim/sim_store.h"

#include <utility>

namespace metalmesh::sim {

Status SimStore::commit(const Batch& batch) {
  const auto fault = std::exchange(fault_, std::nullopt);
  if (fault == Fault::disk_full) return fail(ErrorKind::exhausted, "disk full");
  if (fault == Fault::torn) return fail(ErrorKind::internal, "lost power before the write was complete");
  rows_.commit(batch);
  if (fault == Fault::durable_but_unheard) return fail(ErrorKind::internal, "lost power after the write");
  return {};
}

std::size_t SimStore::bytes() const {
  std::size_t sum = 0;
  for (const auto& [key, value] : rows_.rows()) sum += key.size() + value.size();
  return sum;
}

}  // namespace metalmesh::sim
