// Beyond the thirteen: who is named in a wish is in its plan, or among those who are left out, with the
// reason.
#include <algorithm>
#include <map>

#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

class PlanSaysAll final : public Invariant {
 public:
  explicit PlanSaysAll(Court& court) : Invariant("plan_says_all", court) {}

  void on_controller_rows(const Batch&) override {
    for (const auto& [name, rollout] : facts_.rollouts) {
      const rest::Plan& plan = rollout.status().plan();
      if (plan.digest().empty() || seen_[name] == plan.digest()) continue;
      seen_[name] = plan.digest();
      for (const std::string& server : rollout.spec().select().servers()) {
        const auto is_it = [&](const auto& entry) { return entry.name() == server; };
        const auto left_out = std::ranges::find_if(plan.excluded(), is_it);
        const bool told = left_out != plan.excluded().end() && !left_out->reason().empty();
        if (!told && std::ranges::none_of(plan.servers(), is_it))
          object("rollout " + name + " names " + server + ", and its plan does not mention it");
      }
    }
  }

 private:
  std::map<std::string, std::string> seen_;  // by rollout: the digest of its newest plan
};

}  // namespace

std::unique_ptr<Invariant> plan_says_all(Court& court) { return std::make_unique<PlanSaysAll>(court); }

}  // namespace metalmesh::sim
