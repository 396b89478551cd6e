#include "controller/cli/next_step.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/command_words.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {

NextStep next_after_apply(const std::vector<std::pair<const Kind*, std::string>>& applied) {
  if (applied.empty()) return {commands::list("servers"), {}};
  const auto& [kind, name] = applied.back();
  if (kind->name == "Rollout") return {commands::plan(name), {}};
  if (kind->name == "Server") return {commands::inspect(name), {}};
  if (kind->name == "Site")
    return {fmt::format("metalmesh get site {}", name), "start metalmesh-agent there"};
  if (kind->name == "Credential") return {commands::set_credential(name), "on the site's agent host:"};
  if (kind->name == "HardwareType") return {commands::describe("hardware-type", name), {}};
  return {fmt::format("metalmesh get {} {}", kind->plural, name), {}};
}

NextStep next_after_plan(const rest::Rollout& rollout) {
  const rest::Plan& plan = rollout.status().plan();
  const std::string& name = rollout.metadata().name();
  if (plan.server_count() == 0)
    return {commands::plan(name), "nobody is selected: see WHY above, and plan again when that has changed"};
  return {fmt::format("metalmesh rollout start {} --plan {} --confirm {} --watch", name,
                      plan.digest().substr(0, short_digest), plan.server_count()),
          {}};
}

NextStep next_after_end(const rest::Rollout& rollout, const std::vector<rest::Deployment>& deployments) {
  const std::string& name = rollout.metadata().name();
  if (rollout.status().state() == "planned")
    return {next_after_plan(rollout).command, "its start was not carried through: nothing was handed out"};
  if (rollout.status().state() == "stopped") {
    const std::string& waits = rollout.status().waits();
    return {commands::stop(name), waits.empty() ? "look at the failures above" : waits};
  }
  for (const auto* state : {"INDETERMINATE", "UNPROVEN", "FAILED"}) {
    const auto found = std::ranges::find_if(
        deployments, [&](const auto& d) { return d.state() == state && d.resolved_by().empty(); });
    if (found == deployments.end()) continue;
    if (found->state() == "FAILED") return {commands::describe("server", found->server()), {}};
    if (!may_wipe(*found)) return {commands::inspect(found->server()), {}};
    return {commands::resolve(found->server(), "succeeded"),
            fmt::format("look at {}; it may have to be --as failed", found->server())};
  }
  return {fmt::format("metalmesh get deployments --rollout {}", name), {}};
}

}  // namespace metalmesh::cli
