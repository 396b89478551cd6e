// Beyond the thirteen: a rollout that begins to run has an order for each server of the plan that was agreed to, however
// often its controller died while it made them; until then nothing of it is handed out.
#include <algorithm>
#include <map>

#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

class StartsAreWhole final : public Invariant {
 public:
  explicit StartsAreWhole(Court& court) : Invariant("starts_are_whole", court) {}

  void on_controller_rows(const Batch&) override {
    for (const auto& [name, rollout] : facts_.rollouts) {
      const std::string& state = rollout.status().state();
      const std::string before = std::exchange(state_[name], state);
      if (before == state) continue;
      if (before == "starting") mark("a start in slices ended " + state);
      if (state == "running" && (before == "planned" || before == "starting")) judge(name, rollout);
      if (state == "planned" && before == "starting" && count(name) > 0)
        object("the start of rollout " + name + " was taken back, and orders of it are left");
    }
    for (const DeploymentMove& move : facts_.moves) {
      const auto rollout = facts_.rollouts.find(move.now->rollout());
      if (move.to == "ISSUED" && rollout != facts_.rollouts.end() &&
          rollout->second.status().state() == "starting")
        object("handed out while its rollout is still starting: " + move.now->id());
    }
  }
  void on_controller_restored() override { state_.clear(); }

 private:
  [[nodiscard]] std::uint32_t count(const std::string& rollout) const {
    return static_cast<std::uint32_t>(std::ranges::count_if(
        facts_.deployments, [&](const auto& one) { return one.second.rollout() == rollout; }));
  }
  void judge(const std::string& name, const rest::Rollout& rollout) {
    const std::uint32_t planned = rollout.status().plan().server_count();
    if (count(name) < planned)
      object("rollout " + name + " runs with " + std::to_string(count(name)) + " of the " +
             std::to_string(planned) + " orders of its plan");
  }

  std::map<std::string, std::string> state_;  // by rollout
};

}  // namespace

std::unique_ptr<Invariant> starts_are_whole(Court& court) { return std::make_unique<StartsAreWhole>(court); }

}  // namespace metalmesh::sim
