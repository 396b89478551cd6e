// I5: generations of effects per machine strictly rise, no generation is given to two orders in one epoch,
// and what an agent remembers of a machine on its disk never goes back.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agents/core/row_keys.h"
#include "common/text/letters.h"
#include "schemas/record/agent.pb.h"
#include "tests/sim/invariants/all_invariants.h"
#include "tests/sim/words.h"

namespace metalmesh::sim {
namespace {

class NumbersOnlyRise final : public Invariant {
 public:
  explicit NumbersOnlyRise(Court& court) : Invariant("numbers_only_rise", court) {}

  void on_order(const wire::Command& command, const orders::Parts& order) override {
    epochs_[{order.issue.deployment_id(), order.issue.generation()}] = command.controller_epoch();
    if (order.issue.generation() > 1) mark("a machine was ordered again");
  }
  // What no agent got, and the controller was put back behind, nobody can know of.
  void on_told(const Told& told) override {
    if (!told.event.has_receipt() || told.event.receipt().of_cancel()) return;
    const auto epoch = epochs_.find({told.event.deployment_id(), told.event.generation()});
    const orders::Parts* order = facts_.order(told.event.deployment_id(), told.event.generation());
    if (epoch == epochs_.end() || order == nullptr || only_reads(order->agreed)) return;
    const auto key =
        std::tuple(to_lower(order->agreed.identity().uuid()), epoch->second, order->issue.generation());
    const auto [found, first] = given_.try_emplace(key, order->issue.deployment_id());
    if (!first && found->second != order->issue.deployment_id()) {
      object(fmt::format("generation {} of {} was given to two orders", order->issue.generation(),
                         order->agreed.server()));
    }
  }

  void on_wipe(const Wipe& wipe) override {
    if (wipe.order == nullptr) return;
    auto& highest = wiped_[to_lower(wipe.machine.model->options().uuid)];
    if (wipe.order->issue.generation() < highest) {
      object(fmt::format("{} was wiped by generation {} after generation {}", wipe.machine.name,
                         wipe.order->issue.generation(), highest));
    }
    highest = std::max<std::uint64_t>(highest, wipe.order->issue.generation());
  }

  void on_agent_rows(const std::string& node, const Batch& batch) override {
    for (auto at = batch.begin(); at != batch.end(); ++at) {
      const RowWrite& row = *at;
      if (!row.key.starts_with(agent::rows::fence)) continue;
      const bool again =
          std::any_of(at + 1, batch.end(), [&](const RowWrite& other) { return other.key == row.key; });
      if (again) continue;  // the last one counts
      record::Fence fence;
      if (!row.value || !fence.ParseFromString(*row.value)) {
        object("a fence was removed or damaged at " + node);
        continue;
      }
      if (!fence.damaged().empty()) continue;  // shut, until a person has said what is over
      const std::array<std::uint64_t, 3> now = {fence.generation(), fence.cancelled_to(), fence.launched()};
      auto& before = fences_[{node, row.key}];
      for (std::size_t i = 0; i < now.size(); ++i) {
        if (now[i] < before[i]) object("a fence was lowered at " + node + ": " + row.key);
      }
      before = now;
    }
  }
  void on_store_changed(const std::string& node) override {
    std::erase_if(fences_, [&](const auto& item) { return item.first.first == node; });
  }

 private:
  std::map<std::pair<std::string, std::uint64_t>, std::uint64_t> epochs_;  // by deployment and generation
  std::map<std::tuple<std::string, std::uint64_t, std::uint64_t>, std::string> given_;
  std::map<std::string, std::uint64_t> wiped_;  // by machine UUID
  std::map<std::pair<std::string, std::string>, std::array<std::uint64_t, 3>> fences_;
};

}  // namespace

std::unique_ptr<Invariant> numbers_only_rise(Court& court) {
  return std::make_unique<NumbersOnlyRise>(court);
}

}  // namespace metalmesh::sim
