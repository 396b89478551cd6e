// Numbers that a site tells and that only rise: a store that was put back follows them. One site's word must not bring a
// number to its end, for itself or for others: each may be ahead of what is known here by so much as a lost store explains,
// and no more. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace metalmesh::controller::counts {

/// Each restore begins one epoch.
inline constexpr std::uint64_t most_epochs = 1000;
/// Commands or events of one journal.
inline constexpr std::uint64_t most_entries = std::uint64_t{1} << 40U;
/// Orders of one machine.
inline constexpr std::uint64_t most_generations = std::uint64_t{1} << 20U;

/// Within an hour: losses, here or there, that it tells of, and agents that come under its name. Each is a line for ever.
inline constexpr std::size_t most_claims = 60;

/// `told` is more above `known` than any loss explains.
constexpr bool beyond(std::uint64_t told, std::uint64_t known, std::uint64_t most) {
  return told > known && told - known > most;
}

}  // namespace metalmesh::controller::counts
