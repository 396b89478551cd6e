#include "controller/cli/next_step.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/cli/wording.h"

namespace metalmesh::cli {

std::string next_after_apply(const std::vector<std::pair<const Kind*, std::string>>& applied) {
  if (applied.empty()) return "metalmesh get servers";
  const auto& [kind, name] = applied.back();
  if (kind->name == "Rollout") return fmt::format("metalmesh rollout plan {}", name);
  if (kind->name == "Server") return fmt::format("metalmesh server inspect {} --wait", name);
  if (kind->name == "Site")
    return fmt::format("start metalmesh-agent at {}, then: metalmesh get site {}", name, name);
  if (kind->name == "Credential") return fmt::format("at the site: metalmesh-agent credential set {}", name);
  return fmt::format("metalmesh get {} {}", kind->plural, name);
}

std::string next_after_plan(const rest::Rollout& rollout) {
  const rest::Plan& plan = rollout.status().plan();
  const std::string& name = rollout.metadata().name();
  if (plan.servers_size() == 0)
    return fmt::format("nobody is selected: see WHY above, then metalmesh rollout plan {}", name);
  return fmt::format("metalmesh rollout start {} --plan {} --confirm {} --watch", name,
                     plan.digest().substr(0, short_digest), plan.servers_size());
}

std::string next_after_end(const rest::Rollout& rollout, const std::vector<rest::Deployment>& deployments) {
  const std::string& name = rollout.metadata().name();
  if (rollout.status().state() == "stopped") {
    return fmt::format("look at the failures above, then metalmesh rollout abort {} --reason ...", name);
  }
  for (const auto* state : {"INDETERMINATE", "UNPROVEN", "FAILED"}) {
    const auto found = std::ranges::find_if(
        deployments, [&](const auto& d) { return d.state() == state && d.resolved_by().empty(); });
    if (found == deployments.end()) continue;
    if (found->state() == "FAILED") return fmt::format("metalmesh describe server {}", found->server());
    return fmt::format("look at {}, then metalmesh deployment resolve {} --as succeeded|failed --note ...",
                       found->server(), found->id());
  }
  return fmt::format("metalmesh get deployments --rollout {}", name);
}

}  // namespace metalmesh::cli
