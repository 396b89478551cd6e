// A plan for eyes: who takes part and who not, and why. Of many servers it is what fits a screen: totals by reason, site and
// hardware type, what limits and stops it, how long each site takes; the lists are shown when somebody asks. Pure.
#pragma once

#include <string>

#include "schemas/rest/api.pb.h"

namespace metalmesh::cli {

/// `all`: the lists, however long.
std::string plan_text(const rest::Rollout& rollout, bool all = false);

}  // namespace metalmesh::cli
