// I4: the machine that is wiped is the one the order means, and never one that nobody may touch; and whatever
// installs keeps its medium.
#include <algorithm>

#include "common/ports/wire_time.h"
#include "common/text/letters.h"
#include "tests/sim/invariants/all_invariants.h"
#include "tests/sim/words.h"

namespace metalmesh::sim {
namespace {

class RightMachine final : public Invariant {
 public:
  explicit RightMachine(Court& court) : Invariant("right_machine", court) {}

  void on_wipe(const Wipe& wipe) override {
    const bmcsim::BmcOptions& truth = wipe.machine.model->options();
    if (facts_.precious.contains(wipe.machine.name))
      object(wipe.machine.name + " is protected and was wiped");
    if (wipe.order == nullptr) return;
    const wire::Identity& meant = wipe.order->agreed.identity();
    // Its name is what people call it; a BMC may spell its UUID in an order of its own.
    const bool same = wipe.order->agreed.server() == wipe.machine.name ||
                      (to_lower(meant.uuid()) == to_lower(truth.uuid) &&
                       to_lower(meant.serial()) == to_lower(truth.serial));
    if (!same)
      object(wipe.machine.name + " was wiped by the order for another machine: " + wipe.install.deployment);
  }
};

}  // namespace

std::unique_ptr<Invariant> right_machine(Court& court) { return std::make_unique<RightMachine>(court); }

}  // namespace metalmesh::sim
