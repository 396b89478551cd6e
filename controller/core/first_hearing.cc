#include "controller/core/first_hearing.h"

#include <algorithm>

#include "common/base/planted.h"
#include "controller/state/rollout_states.h"

namespace metalmesh::controller {

void FirstHearing::begin(const MeshState& mesh) {
  if (planted(Defect::first_site_suffices)) return;
  for (const auto& [name, rollout] : mesh.rollouts) {
    const RolloutState state = state_of(rollout);
    if (state == RolloutState::running || state == RolloutState::held) under_way_.insert(name);
  }
}

void FirstHearing::on_bus(bool up, const Now& now) { bus_up_ = up ? std::optional(now.mono) : std::nullopt; }

bool FirstHearing::ends(const std::map<std::string, std::unique_ptr<SiteLink>>& links, const Now& now) {
  if (under_way_.empty()) return false;
  const bool all_heard = std::ranges::all_of(links, [](const auto& entry) {
    const SiteLink& link = *entry.second;
    return link.event_journal().empty() || link.caught_up() || link.quarantined();
  });
  const bool long_enough = bus_up_ && now.mono - *bus_up_ >= patience_;
  if (!all_heard && !long_enough) return false;
  under_way_.clear();
  return true;
}

}  // namespace metalmesh::controller
