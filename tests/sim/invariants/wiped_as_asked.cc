// What was written before, or held a system when we came, is wiped only by a rollout that says "reinstall".
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

class WipedAsAsked final : public Invariant {
 public:
  explicit WipedAsAsked(Court& court) : Invariant("wiped_as_asked", court) {}

  void on_wipe(const Wipe& wipe) override {
    const auto& installs = wipe.machine.model->host().installs();
    const bool again = wipe.index > 0 && installs[wipe.index - 1].deployment == wipe.install.deployment;
    const bool held_something = wipe.index > 0 || wipe.machine.model->options().disk_has_os;
    if (again || !held_something) return;
    const auto said = facts_.said.find(wipe.install.deployment);
    if (said == facts_.said.end()) return;
    const auto spec = facts_.specs.find(said->second.rollout);
    if (spec == facts_.specs.end()) return;
    if (!spec->second.reinstall()) {
      object(wipe.machine.name + " was not empty, and was wiped by a rollout that does not reinstall: " +
             wipe.install.deployment);
    }
    mark("a machine was installed again because somebody asked for it");
  }
};

}  // namespace

std::unique_ptr<Invariant> wiped_as_asked(Court& court) { return std::make_unique<WipedAsAsked>(court); }

}  // namespace metalmesh::sim
