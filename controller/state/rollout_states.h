// The states of a rollout, typed; the REST object spells them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

enum class RolloutState : std::uint8_t {
  draft,     // applied, not planned
  planned,   // frozen; who takes part is known
  starting,  // its orders are being made, or taken back: nothing is handed out
  running,   // hands out
  paused,    // by a person: starts no more until she says so
  held,      // until a person has looked at a controller that was restored
  stopped,   // too much failed: starts no more until a person has looked
  stopping,  // calls back
  done,
};

inline constexpr std::array<std::pair<RolloutState, std::string_view>, 9> rollout_state_words = {
    {{RolloutState::draft, "draft"},
     {RolloutState::planned, "planned"},
     {RolloutState::starting, "starting"},
     {RolloutState::running, "running"},
     {RolloutState::paused, "paused"},
     {RolloutState::held, "held"},
     {RolloutState::stopped, "stopped"},
     {RolloutState::stopping, "stopping"},
     {RolloutState::done, "done"}}};

/// How its stop_reason begins when that was a person's word.
inline constexpr std::string_view stopped_by_person = "stopped by a person";

/// A word that nobody knows starts nothing.
inline RolloutState state_of(const rest::Rollout& rollout) {
  if (rollout.status().state().empty()) return RolloutState::draft;
  const auto* found = std::ranges::find(rollout_state_words, rollout.status().state(),
                                        &std::pair<RolloutState, std::string_view>::second);
  return found == rollout_state_words.end() ? RolloutState::stopped : found->first;
}
inline void set_state(rest::Rollout& rollout, RolloutState state) {
  const auto* found =
      std::ranges::find(rollout_state_words, state, &std::pair<RolloutState, std::string_view>::first);
  rollout.mutable_status()->set_state(std::string(found->second));
}

/// Nothing of it was started.
constexpr bool is_before_start(RolloutState state) {
  return state == RolloutState::draft || state == RolloutState::planned;
}
/// It was started, and something of it may be open.
constexpr bool is_under_way(RolloutState state) {
  return !is_before_start(state) && state != RolloutState::done;
}

}  // namespace metalmesh::controller
