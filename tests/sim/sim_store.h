// A store that keeps exactly what was committed, whatever crashes around it.
//
// Faults are armed one at a time: the next commit fails as a full disk, is torn before it became durable, or
// becomes durable although the node dies before it hears so. A copy can be taken and put back: what a
// restored backup, a cloned machine or an empty new disk look like.
#pragma once

#include <optional>
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
  [[nodiscard]] std::optional<std::string> get(std::string_view key) const override { return rows_.get(key); }
  [[nodiscard]] std::vector<Row> scan(std::string_view first, std::string_view last,
                                      std::size_t limit) const override {
    return rows_.scan(first, last, limit);
  }

  enum class Fault { disk_full, torn, durable_but_unheard };
  void arm(Fault fault) { fault_ = fault; }
  void set_low(bool low) { low_ = low; }
  void crash() { fault_.reset(); }

  using Rows = MemoryRows::Rows;
  [[nodiscard]] const Rows& rows() const { return rows_.rows(); }
  void replace(Rows rows) { rows_.restore(std::move(rows)); }
  [[nodiscard]] std::size_t bytes() const;

 private:
  MemoryRows rows_;
  std::optional<Fault> fault_;
  bool low_ = false;
};

}  // namespace metalmesh::sim
