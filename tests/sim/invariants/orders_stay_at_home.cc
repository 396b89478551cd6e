// Beyond the thirteen: an agent takes what was ordered of its own site, whatever is brought to it.
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

class OrdersStayAtHome final : public Invariant {
 public:
  explicit OrdersStayAtHome(Court& court) : Invariant("orders_stay_at_home", court) {}

  void on_told(const Told& told) override {
    const wire::Event& event = told.event;
    if (!event.has_receipt() || !event.receipt().accepted() || event.deployment_id().empty()) return;
    const auto said = facts_.said.find(event.deployment_id());
    if (said != facts_.said.end() && said->second.site != told.agent.site)
      object(told.node + " accepted an order for " + said->second.site + ": " + event.deployment_id());
  }
};

}  // namespace

std::unique_ptr<Invariant> orders_stay_at_home(Court& court) {
  return std::make_unique<OrdersStayAtHome>(court);
}

}  // namespace metalmesh::sim
