// Which versions of profiles are too many. They are kept so that a name@version may be pinned and looked up later; without a
// bound, whoever may apply profiles fills the disk with them. Never too many are the newest version of a profile that is there and
// those that a rollout goes by: pinned, until it is done, or agreed on in the plan of one that is under way. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

/// Of one profile, its newest among them.
inline constexpr std::size_t versions_of_a_profile = 32;
/// Of all profiles together, those that were deleted among them; the newest versions of profiles that are there do not count.
inline constexpr std::size_t old_versions_most = 1024;
/// At a time, so that a store which has far more of them loses those over many turns.
inline constexpr std::size_t versions_dropped_at_once = 500;

/// Their names, "name@version".
std::vector<std::string> versions_too_many(const MeshState& mesh);

}  // namespace metalmesh::controller
