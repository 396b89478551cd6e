// I6: no effect without an order that the real controller signed and published.
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

class OnlySignedOrders final : public Invariant {
 public:
  explicit OnlySignedOrders(Court& court) : Invariant("only_signed_orders", court) {}

  void on_told(const Told& told) override {
    const wire::Event& event = told.event;
    if (!event.has_armed() && !event.has_launched()) return;
    if (facts_.order(event.deployment_id(), event.generation()) == nullptr)
      object("armed or launched without an order: " + event.deployment_id());
  }
  void on_wipe(const Wipe& wipe) override {
    if (wipe.order == nullptr)
      object(wipe.machine.name + " was wiped without an order: " + wipe.install.deployment);
  }
};

}  // namespace

std::unique_ptr<Invariant> only_signed_orders(Court& court) {
  return std::make_unique<OnlySignedOrders>(court);
}

}  // namespace metalmesh::sim
