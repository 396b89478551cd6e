// I3: nothing is armed outside [not_before, start_by] or launched after launch_by, by the true time.
#include "common/ports/wire_time.h"
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

// The controller's clock, which all go by, is that good.
constexpr Duration clock_slack = std::chrono::seconds(1);

class InsideTheWindow final : public Invariant {
 public:
  explicit InsideTheWindow(Court& court) : Invariant("inside_the_window", court) {}

  void on_told(const Told& told) override {
    const wire::Event& event = told.event;
    const wire::StartInstall* order = facts_.order(event.deployment_id(), event.generation());
    if (order == nullptr) return;
    const WallTime wall = court_.events.wall();
    if (event.has_armed()) {
      if (wall + clock_slack < from_wire(order->not_before()))
        object("armed before not_before: " + event.deployment_id());
      if (wall > from_wire(order->start_by()) + clock_slack)
        object("armed after start_by: " + event.deployment_id());
    }
    if (event.has_launched() && wall > from_wire(order->launch_by()) + clock_slack)
      object("launched after launch_by: " + event.deployment_id());
  }
};

}  // namespace

std::unique_ptr<Invariant> inside_the_window(Court& court) {
  return std::make_unique<InsideTheWindow>(court);
}

}  // namespace metalmesh::sim
