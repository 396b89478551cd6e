// What people are told of windows (start_windows.h): that a plan does not fit into them, and for which of them a rollout waits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "controller/core/work.h"

namespace metalmesh::controller {

/// "site par1: 100 servers, 10 at a time, take about 8 h 20 min: does not fit sat 22:00-05:00 (Europe/Paris)". `sites`: how many of
/// the plan's servers stand at each.
std::vector<std::string> window_warnings(const MeshState& mesh, const rest::RolloutSpec& spec,
                                         const rest::Plan& plan,
                                         const std::map<std::string, std::uint32_t>& sites, const Now& now);

struct WindowWait {
  std::string words;              // empty: for no window
  std::optional<WallTime> until;  // nothing: none opens in foreseeable time
};
/// Of all sites at which its servers wait none has an open window; silent ones open none.
WindowWait window_wait(const Work& work, const rest::Rollout& rollout, const RolloutTally& tally);

}  // namespace metalmesh::controller
