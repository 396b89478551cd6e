// The command that usually follows. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "controller/cli/kinds.h"

namespace metalmesh::cli {

/// After `apply` of these (kind, name), in order: what gets the last of them further.
std::string next_after_apply(const std::vector<std::pair<const Kind*, std::string>>& applied);
/// After a plan; `confirm` is the number of servers.
std::string next_after_plan(const rest::Rollout& rollout);
/// After a rollout ended, or stopped.
std::string next_after_end(const rest::Rollout& rollout, const std::vector<rest::Deployment>& deployments);

}  // namespace metalmesh::cli
