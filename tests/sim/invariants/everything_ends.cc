// I8: once the world is healed, every deployment ends, outboxes drain, and then nothing happens any more.
#include <fmt/format.h>

#include "controller/state/deployment_states.h"
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

class EverythingEnds final : public Invariant {
 public:
  explicit EverythingEnds(Court& court) : Invariant("everything_ends", court) {}

  void on_controller_rows(const Batch&) override {
    for (const DeploymentMove& move : facts_.moves) {
      if (!controller::is_open(move.now->state())) mark("a deployment ended " + move.now->state());
    }
  }
  void at_end() override {
    for (const auto& [id, deployment] : facts_.deployments) {
      if (!controller::is_open(deployment.state())) continue;
      object(fmt::format("deployment {} of {} is still {} ({})", id, deployment.server(), deployment.state(),
                         deployment.note()));
    }
  }
};

}  // namespace

std::unique_ptr<Invariant> everything_ends(Court& court) { return std::make_unique<EverythingEnds>(court); }

}  // namespace metalmesh::sim
