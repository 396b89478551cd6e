// Which faults of BMCs (tests/bmcsim/model/fault.h) the weather draws, and how: for the life of a machine, in
// bouts that begin at one moment for every BMC of one model (somebody else rolled out a firmware), or alone
// at one BMC while its installer runs.
#pragma once

#include <span>
#include <string_view>

namespace metalmesh::sim {

/// For the life of a machine.
std::span<const std::string_view> odd_kinds();
/// Those of them that show in few installs, or late in them: drawn apart, so that a long swarm meets each in plenty.
std::span<const std::string_view> rare_kinds();
/// For minutes, at every BMC of one model.
std::span<const std::string_view> odd_bouts();
/// For minutes, at one BMC, while it installs.
std::span<const std::string_view> odd_troubles();

}  // namespace metalmesh::sim
