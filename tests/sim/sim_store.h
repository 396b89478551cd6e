// A store that keeps exactly what was committed, whatever crashes around it.
//
// Faults are armed one at a time: the next commit fails as a full disk, is torn before it became durable, or
// becomes durable although the node dies before it hears so. A copy can be taken and put back: what a
// restored backup, a cloned machine or an empty new disk look like. A row can rot: it is then read as damaged
// until it is written again.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/ports/memory_rows.h"
#include "common/ports/store.h"

namespace metalmesh::sim {

class SimStore final : public Store {
 public:
  [[nodiscard]] Status commit(const Batch& batch) override;
  [[nodiscard]] StoreSpace space() const override { return {low_ ? 1000U : 1'000'000'000U, low_}; }
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override;
  [[nodiscard]] Result<std::vector<Row>> scan(std::string_view first, std::string_view last,
                                              std::size_t limit) const override;
  /// What was committed, rotten or not: for those who look from outside.
  [[nodiscard]] std::optional<std::string> find(std::string_view key) const { return rows_.find(key); }

  enum class Fault { disk_full, torn, durable_but_unheard };
  void arm(Fault fault) { fault_ = fault; }
  void set_low(bool low) { low_ = low; }
  void crash() { fault_.reset(); }
  void rot(std::string key) { rotten_.insert(std::move(key)); }
  [[nodiscard]] bool any_rotten() const { return !rotten_.empty(); }

  using Rows = MemoryRows::Rows;
  [[nodiscard]] const Rows& rows() const { return rows_.rows(); }
  void replace(Rows rows) {
    rows_.restore(std::move(rows));
    rotten_.clear();
  }
  [[nodiscard]] std::size_t bytes() const;

 private:
  MemoryRows rows_;
  std::set<std::string, std::less<>> rotten_;
  std::optional<Fault> fault_;
  bool low_ = false;
};

}  // namespace metalmesh::sim
