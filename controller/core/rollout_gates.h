// What lies between the waves of a rollout, and what stops it. A wave is handed out when all of those before it have ended;
// then its gate has to hold: few enough failed, time went by, a person said so. Too many failures, of a wave or of all, stop new
// starts until a person has looked; what she accepted counts no more. Elapsed time survives clocks that are set (decision 20).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "controller/core/work.h"

namespace metalmesh::controller {

/// Why no more may start, or nothing.
std::optional<std::string> stop_reason(const rest::Rollout& rollout, const RolloutTally& tally);

/// How many ended otherwise than they should, and nobody accepted it.
std::uint32_t unaccepted(const rest::RolloutStatus& status);

/// The highest wave of which servers may be handed out now.
std::uint32_t wave_handed_out(const rest::RolloutStatus& status, const RolloutTally& tally);

/// For whom a rollout that rests, or waits at a gate, would go on.
struct Awaited {
  std::uint32_t wave = 0;  // 0: for nobody
  std::uint32_t servers = 0;
  bool person = false;  // the gate before it waits for one
};
Awaited awaited(const Work& work, const rest::Rollout& rollout);

/// The rollout is running: the next wave begins when it may, and people see for what it waits.
void pass_gates(Work& work, const std::string& name);
/// The same of one that does not run. `until`: when that is over, where it has a time.
void tell_waits(Work& work, const std::string& name, std::string waits, std::optional<WallTime> until = {});

}  // namespace metalmesh::controller
