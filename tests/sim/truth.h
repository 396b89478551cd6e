// What the machines' own histories say of a deployment. Judges ask here, and never a core or its words.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "common/orders/order_parts.h"
#include "tests/sim/sim_bmcs.h"

namespace metalmesh::sim {

/// An installer of a deployment that wrote a disk.
struct Written {
  const Machine* machine = nullptr;
  std::size_t index = 0;  // of the machine's installs
  [[nodiscard]] const bmcsim::Install& install() const { return machine->model->host().installs()[index]; }
  /// Nothing wrote this disk since.
  [[nodiscard]] bool is_last() const { return index + 1 == machine->model->host().installs().size(); }
};

/// All of them, in the order in which they happened on each machine.
inline std::vector<Written> writes_of(const std::vector<const Machine*>& machines,
                                      const std::string& deployment) {
  std::vector<Written> found;
  for (const Machine* machine : machines) {
    const auto& installs = machine->model->host().installs();
    for (std::size_t i = 0; i < installs.size(); ++i) {
      if (installs[i].deployment == deployment) found.push_back({machine, i});
    }
  }
  return found;
}

/// Nobody answered what its installer asked, as often as it asked, and it was told to go on then (`ifReachable`).
inline bool went_on_unheard(const Machine& machine, const orders::Parts& order) {
  return order.agreed.install().check() == wire::CHECK_IF_REACHABLE &&
         std::ranges::any_of(machine.model->host().acts(), [&](const bmcsim::Act& act) {
           return act.what == "nobody could be asked" && act.detail == order.issue.deployment_id();
         });
}

/// The system that this installer put there has booted from the disk since it was complete.
inline bool has_booted(const Written& written) {
  bool complete = false;
  for (const bmcsim::Act& act : written.machine->model->host().acts()) {
    if (act.at < written.install().launched) continue;
    if (act.what == "installed" && act.detail == written.install().deployment) complete = true;
    if (act.what == "launch" && act.detail != written.install().deployment) complete = false;
    if (complete && act.what == "boots the new system") return true;
  }
  return false;
}

}  // namespace metalmesh::sim
