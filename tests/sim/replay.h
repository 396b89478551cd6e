// Plays what the flight recorder of a controller or an agent kept, through the production core.
#pragma once

#include <string>

namespace metalmesh::sim {

/// `path` is a ring's folder or one segment. Prints what happened if `print`, then whether every decision was
/// the recorded one. Exit codes: 0 all the same, 1 a decision was another, 2 nothing to play, 3 there were
/// others, but of a core whose beginning is no longer recorded.
int replay(const std::string& path, bool print);

}  // namespace metalmesh::sim
