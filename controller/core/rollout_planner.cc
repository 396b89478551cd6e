#include "controller/core/rollout_planner.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "common/text/glob.h"
#include "common/text/hex.h"
#include "controller/core/actions/actions.h"
#include "controller/core/field_rules.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/object_rules.h"
#include "controller/core/order_builder.h"
#include "controller/core/selection.h"
#include "controller/state/row_codec.h"

namespace metalmesh::controller {
namespace {

std::uint32_t canaries(const Action& action, const rest::RolloutStop& stop, int servers) {
  if (stop.no_canary()) return 0;
  if (stop.canary() != 0) return stop.canary();
  return action.has_canary && static_cast<std::uint32_t>(servers) > defaults::canary_above ? 1 : 0;
}

std::string head_of(const rest::Plan& plan, const rest::Rollout& rollout) {
  wire::PlanHead head;
  head.set_rollout(rollout.metadata().name());
  head.set_action(rollout.spec().action());
  for (const rest::PlanServer& server : plan.servers()) {
    head.add_waves(server.wave());
    head.add_holds(server.holds());
  }
  for (const rest::PlanExcluded& server : plan.excluded()) head.add_excluded(server.name());
  return canonical_bytes(head);
}

rest::PlanServer planned(const rest::Server& server, std::uint32_t wave) {
  rest::PlanServer entry;
  entry.set_name(server.metadata().name());
  entry.set_site(server.spec().site());
  entry.set_bmc(server.spec().bmc().address());
  entry.set_wave(wave);
  entry.set_holds(server.status().holds());
  const wire::Identity identity = order_identity(server);
  entry.mutable_identity()->set_uuid(identity.uuid());
  entry.mutable_identity()->set_serial(identity.serial());
  *entry.mutable_identity()->mutable_macs() = identity.macs();
  return entry;
}

void exclude(rest::Plan& plan, const rest::Server& server, const std::string& reason, std::string message) {
  rest::PlanExcluded& entry = *plan.add_excluded();
  entry.set_name(server.metadata().name());
  entry.set_site(server.spec().site());
  entry.set_reason(reason);
  entry.set_message(std::move(message));
  entry.set_holds(server.status().holds());
}

/// Who was meant and is not there, by name.
void exclude_missing(rest::Plan& plan, const MeshState& mesh, const rest::Selection& select) {
  if (planted(Defect::named_and_cut_unsaid)) return;
  for (const std::string& name : select.servers()) {
    const auto found = mesh.servers.find(name);
    if (found == mesh.servers.end()) {
      rest::PlanExcluded& entry = *plan.add_excluded();
      entry.set_name(name);
      entry.set_reason("UNKNOWN");
      entry.set_message("there is no server of this name");
    } else if (!selects(select, found->second)) {
      exclude(plan, found->second, "NOT_SELECTED", "it is named, but other labels or sites are selected");
    }
  }
}

/// A pattern that spares nobody was meant to spare somebody: nothing is planned with it.
rules::Verdict spares_nobody(const MeshState& mesh, const rest::Selection& select) {
  if (planted(Defect::idle_exclude_accepted)) return std::nullopt;
  for (int i = 0; i < select.exclude_size(); ++i) {
    const std::string& pattern = select.exclude(i);
    if (std::ranges::any_of(mesh.servers,
                            [&](const auto& entry) { return glob_matches(pattern, entry.first); }))
      continue;
    return rules::refusal(ErrorKind::conflict, "spec.select.exclude[" + std::to_string(i) + "]",
                          "\"" + pattern + "\" matches no server: whoever was meant to be spared is not",
                          "correct it, or leave it out: metalmesh get servers");
  }
  return std::nullopt;
}

/// Patterns without effect, for people.
void warn_of_idle_patterns(rest::Plan& plan, const MeshState& mesh, const rest::Selection& select) {
  for (const std::string& pattern : select.sites()) {
    if (std::ranges::none_of(mesh.sites,
                             [&](const auto& entry) { return glob_matches(pattern, entry.first); }))
      plan.add_warnings("select.sites: \"" + pattern + "\" matches no site");
  }
  for (const std::string& pattern : select.exclude()) {
    const auto spares = [&](const auto& entry) {
      return glob_matches(pattern, entry.first) && selects(select, entry.second);
    };
    if (std::ranges::none_of(mesh.servers, spares))
      plan.add_warnings("select.exclude: \"" + pattern + "\" matches none of the selected servers");
  }
}

void add_warnings(rest::Plan& plan, const MeshState& mesh, const rest::Rollout& rollout) {
  std::map<std::string, int> silent;
  for (const rest::PlanServer& server : plan.servers()) {
    if (!mesh.sites.at(server.site()).status().connected()) ++silent[server.site()];
  }
  for (const auto& [site, count] : silent) {
    plan.add_warnings("site " + site + " is silent: its " + std::to_string(count) + " servers " +
                      (rollout.spec().offline() == "startUntil" ? "start when it comes back in time"
                                                                : "wait until it is heard again"));
  }
  if (plan.servers_size() == 0) plan.add_warnings("no server is selected: there is nothing to start");
}

}  // namespace

std::expected<PlannedOrders, Refusal> make_plan(const MeshState& mesh, const IdentityIndex& identities,
                                                const rest::Rollout& rollout, const Now& now) {
  // References and families are checked again: objects may have changed since the rollout was applied.
  rest::Rollout checked = rollout;
  if (auto bad = check(checked, mesh)) return std::unexpected(*bad);
  const auto& spec = rollout.spec();
  if (auto bad = spares_nobody(mesh, spec.select())) return std::unexpected(std::move(*bad));
  const Action& action = action_of(spec);
  const PlanInput input{mesh, identities, spec, now};
  const auto planning = action.plan(input);

  rest::Plan plan;
  std::vector<std::string> to_inspect;
  *plan.mutable_expires() = to_wire(now.wall() + plan_lifetime);
  for (const auto& [name, server] : mesh.servers) {
    if (!selects(spec.select(), server)) continue;
    if (auto exclusion = planning->exclusion_of(server)) {
      if (exclusion->may_have_changed) to_inspect.push_back(name);
      exclude(plan, server, exclusion->reason, std::move(exclusion->message));
    } else {
      *plan.add_servers() = planned(server, 1);
    }
  }
  exclude_missing(plan, mesh, spec.select());
  const std::uint32_t first = canaries(action, spec.stop_after(), plan.servers_size());
  const bool has_canary = first != 0 && first < static_cast<std::uint32_t>(plan.servers_size());
  for (int i = 0; has_canary && i < plan.servers_size(); ++i) {
    plan.mutable_servers(i)->set_wave(static_cast<std::uint32_t>(i) < first ? 1 : 2);
  }
  std::vector<std::string> agreed;
  agreed.reserve(static_cast<std::size_t>(plan.servers_size()));
  for (const rest::PlanServer& server : plan.servers())
    agreed.push_back(agree_to(mesh, *planning, mesh.servers.at(server.name())));
  orders::PlanTree tree(head_of(plan, rollout), agreed);
  plan.set_digest(to_hex(tree.digest()));
  add_warnings(plan, mesh, rollout);
  warn_of_idle_patterns(plan, mesh, spec.select());
  planning->show(plan);
  return PlannedOrders{std::move(plan), std::move(agreed), std::move(tree), std::move(to_inspect)};
}

}  // namespace metalmesh::controller
