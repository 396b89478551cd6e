// No server is installed that differs from its type in what the type says must be, or of which nobody knows what a role
// is; and a role is the card that it was when it was planned, in every attempt.
#include <algorithm>
#include <map>
#include <utility>

#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

class TypesHold final : public Invariant {
 public:
  explicit TypesHold(Court& court) : Invariant("types_hold", court) {}

  void on_order(const wire::Command&, const orders::Parts& order) override {
    const auto machine = std::ranges::find(court_.machines, order.agreed.server(), &Machine::name);
    if (!order.agreed.has_install() || machine == court_.machines.end()) return;
    const bmcsim::BmcOptions& made = (*machine)->model->options();
    if (made.memory_gib == 0) return;  // nothing is known of its type
    if (made.memory_gib != wanted_memory_gib)
      object(order.agreed.server() + " is to be installed, and has not the memory that it must have");
    judge_roles(order);
  }

  void on_controller_rows(const Batch&) override {
    if (court_.machines.front()->model->options().memory_gib == 0) return;
    for (const auto& [name, rollout] : facts_.rollouts) {
      for (const rest::PlanExcluded& one : rollout.status().plan().excluded()) {
        if (one.reason() == "HARDWARE_DEVIATES")
          mark_once(deviates_, "a server was left out for its hardware");
        if (one.reason() == "ROLE_UNRESOLVED") mark_once(unclear_, "a server was left out for a role");
      }
    }
  }

 private:
  void judge_roles(const orders::Parts& order) {
    for (const wire::Link& link : order.agreed.install().host().network().links()) {
      if (link.mac().empty() || !link.role().empty())
        object(order.agreed.server() + " is ordered by role " + link.role() + ", and that is no card");
      const auto [known, first] = frozen_.try_emplace(order.issue.deployment_id(), link.mac());
      if (known->second != link.mac())
        object(order.issue.deployment_id() + " names another card than the first time");
      mark_once(resolved_, "a role was frozen in an order");
    }
  }
  void mark_once(bool& met, std::string_view name) {
    if (!std::exchange(met, true)) mark(name);
  }

  std::map<std::string, std::string> frozen_;  // by deployment: the card's MAC
  bool deviates_ = false;
  bool unclear_ = false;
  bool resolved_ = false;
};

}  // namespace

std::unique_ptr<Invariant> types_hold(Court& court) { return std::make_unique<TypesHold>(court); }

}  // namespace metalmesh::sim
