#include "controller/state/deployment_board.h"

#include "controller/state/deployment_states.h"

namespace metalmesh::controller {
namespace {

void step(std::uint32_t& counter, bool up) { up ? ++counter : --counter; }

void count_end(EndTally& tally, const rest::Deployment& deployment, bool add) {
  const std::string& state = deployment.state();
  step(tally.total, add);
  if (is_open(state)) {
    step(tally.open, add);
  } else if (state == states::succeeded) {
    step(tally.succeeded, add);
  } else {
    step(is_skipped(deployment) ? tally.skipped : tally.missed, add);
  }
  if (state == states::failed || state == states::indeterminate) {
    // Which of the two it was, her site has still to say: then it counts as both.
    if (may_have_wiped(deployment) || is_unconfirmed_word(deployment)) step(tally.failed_after_wipe, add);
    if (!may_have_wiped(deployment)) step(tally.failed_before_wipe, add);
  }
  if (state == states::unproven) step(tally.unproven, add);
}

}  // namespace

const RolloutTally& DeploymentBoard::rollout(const std::string& name) const {
  static const RolloutTally none;
  const auto found = rollouts_.find(name);
  return found == rollouts_.end() ? none : found->second;
}

std::uint32_t DeploymentBoard::in_flight_at(const std::string& site) const {
  const auto found = sites_.find(site);
  return found == sites_.end() ? 0 : found->second;
}

void DeploymentBoard::count(const rest::Deployment& deployment, bool add) {
  const std::string& state = deployment.state();
  RolloutTally& tally = rollouts_[deployment.rollout()];
  WaveTally& wave = tally.waves[deployment.wave()];
  count_end(tally, deployment, add);
  count_end(wave, deployment, add);
  auto& by_state = tally.counts[state];
  step(by_state, add);
  if (by_state == 0) tally.counts.erase(state);
  if (state == states::pending) {
    step(wave.pending, add);
    auto& here = tally.pending[deployment.site()];
    if (add) {
      here[deployment.position()] = deployment.id();
    } else {
      here.erase(deployment.position());
    }
    if (here.empty()) tally.pending.erase(deployment.site());
  }
  if (is_in_flight(state)) {
    if (add) {
      in_flight_.insert(deployment.id());
    } else {
      in_flight_.erase(deployment.id());
    }
  }
  if (holds_place(deployment)) {
    step(tally.in_flight, add);
    step(sites_[deployment.site()], add);
  }
  if (wave.total == 0) tally.waves.erase(deployment.wave());
  if (deployment.fence() == fences::owed) step(tally.fences_owed, add);
  if (tally.total == 0) rollouts_.erase(deployment.rollout());
}

}  // namespace metalmesh::controller
