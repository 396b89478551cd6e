// The command that usually follows, and what comes before it. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "controller/cli/kinds.h"

namespace metalmesh::cli {

struct NextStep {
  std::string command;  // nothing but the command: people and scripts type it as it stands
  std::string first;    // what to do or to know before, for people; may be empty
};

/// After `apply` of these (kind, name), in order: what gets the last of them further.
NextStep next_after_apply(const std::vector<std::pair<const Kind*, std::string>>& applied);
/// After a plan; `confirm` is the number of servers.
NextStep next_after_plan(const rest::Rollout& rollout);
/// After a rollout ended, or stopped.
NextStep next_after_end(const rest::Rollout& rollout, const std::vector<rest::Deployment>& deployments);

}  // namespace metalmesh::cli
