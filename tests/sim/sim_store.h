// A store that keeps exactly what was committed, whatever crashes around it.
//
// Faults are armed one at a time: the next commit fails as a full disk, is torn before it became durable, or
// becomes durable although the node dies before it hears so. `lazy_sync` is the planted defect: commits
// return before they are durable, and a crash loses what was not synced.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ports/store.h"

namespace metalmesh::sim {

class SimStore final : public Store {
 public:
  [[nodiscard]] Status commit(const Batch& batch) override;
  [[nodiscard]] StoreSpace space() const override { return {low_ ? 1000U : 1'000'000'000U, low_}; }
  [[nodiscard]] std::optional<std::string> get(std::string_view key) const override;
  [[nodiscard]] std::vector<Row> scan(std::string_view first, std::string_view last,
                                      std::size_t limit) const override;

  enum class Fault { disk_full, torn, durable_but_unheard };
  void arm(Fault fault) { fault_ = fault; }
  void set_low(bool low) { low_ = low; }
  void set_lazy_sync(bool lazy) { lazy_ = lazy; }
  [[nodiscard]] bool lazy_sync() const { return lazy_; }

  /// The machine lost power: what was not durable is gone.
  void crash();
  /// With lazy sync: makes everything durable and says what that was.
  std::vector<Batch> sync();
  /// What a crash would leave.
  [[nodiscard]] std::optional<std::string> durable(std::string_view key) const;

 private:
  using Rows = std::map<std::string, std::string, std::less<>>;
  static void apply(Rows& rows, const Batch& batch);

  Rows rows_;
  std::vector<Batch> unsynced_;  // with lazy sync: already in rows_, not yet in durable_
  Rows durable_;                 // with lazy sync only; otherwise rows_ is durable
  std::optional<Fault> fault_;
  bool low_ = false;
  bool lazy_ = false;
};

}  // namespace metalmesh::sim
