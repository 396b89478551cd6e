#include "controller/core/actions/grounds.h"

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/hosts/bmc_networks.h"
#include "common/text/glob.h"
#include "controller/core/actions/actions.h"
#include "controller/core/fences.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/sentences.h"
#include "controller/core/server_phases.h"

namespace metalmesh::controller {
namespace {

/// What the last inspection found of this type; it changes with the BMC's settings, so it is looked at anew.
bool found_lacking(const rest::Server& server, std::string_view type) {
  return std::ranges::any_of(server.status().conditions(), [&](const rest::Condition& condition) {
    return condition.type() == type && condition.status() == "False";
  });
}

}  // namespace

namespace grounds {

Ground excluded_by_name(const Candidate& c) {
  for (const std::string& pattern : c.plan.spec.select().exclude()) {
    if (glob_matches(pattern, c.server.metadata().name())) return "excluded by " + pattern;
  }
  return std::nullopt;
}

Ground retired(const Candidate& c) {
  if (c.server.status().phase() != phases::retired) return std::nullopt;
  return "it was retired";
}

Ground site_unknown(const Candidate& c) {
  const auto site = c.plan.mesh.sites.find(c.server.spec().site());
  if (site == c.plan.mesh.sites.end()) return "site " + c.server.spec().site() + " does not exist";
  if (site->second.status().has_revoked())
    return "site " + c.server.spec().site() + " was revoked: " + site->second.status().revoked().reason() +
           "; at another site: metalmesh server move " + c.server.metadata().name() +
           " --site SITE --address ADDRESS";
  if (site->second.status().quarantined()) {
    return "site " + c.server.spec().site() + " is quarantined: " + site->second.status().quarantine_reason();
  }
  return std::nullopt;
}

Ground bmc_not_allowed(const Candidate& c) {
  const auto site = c.plan.mesh.sites.find(c.server.spec().site());
  if (site == c.plan.mesh.sites.end() || site->second.spec().bmc_networks().empty()) return std::nullopt;
  const wire::BmcTarget bmc = bmc_target(c.server, &site->second);
  auto why = hosts::BmcNetworks(site->second.spec().bmc_networks()).why_not(bmc.address(), bmc.credential());
  if (!why) return std::nullopt;
  return *why + "; correct the server's BMC, or spec.bmcNetworks of site " + c.server.spec().site() + ": " +
         commands::apply();
}

Ground busy(const Candidate& c) {
  if (const rest::Deployment* open = in_the_way(c.plan.mesh, c.server, action_of(c.plan.spec))) {
    return "deployment " + open->id() + " of rollout " + open->rollout() + " is open (" + open->state() + ")";
  }
  return std::nullopt;
}

Ground blocked(const Candidate& c) {
  if (c.server.status().blocked().empty()) return std::nullopt;
  return c.server.status().blocked() +
         "; to use it again: " + commands::release_for_install(c.server.metadata().name());
}

Ground not_fenced(const Candidate& c) {
  if (c.plan.mesh.fences.empty()) return std::nullopt;
  const auto* owed = fence_owed(c.plan.mesh, machine_of(c.server));
  if (owed == nullptr) return std::nullopt;
  return "deployment " + owed->first + " was called back, and is " + not_fenced_yet(owed->second.site());
}

Ground not_identified(const Candidate& c) {
  const IdentityJudgement verdict = judge_identity(c.server, c.plan.identities);
  // An inspection that is missing is said by NOT_READY.
  if (verdict.ok || verdict.reason == "NOT_INSPECTED") return std::nullopt;
  return verdict.message + "; next: " + verdict.next;
}

Ground never_inspected(const Candidate& c) {
  if (c.server.status().has_inspected_at()) return std::nullopt;
  if (awaits_approval(c.server))
    return "its BMC shows key " + c.server.status().bmc_key_sha256() +
           ", which nobody has approved: " + commands::accept(c.server.metadata().name());
  return "never inspected: " + commands::inspect(c.server.metadata().name());
}

Ground key_unknown(const Candidate& c) {
  const auto site = c.plan.mesh.sites.find(c.server.spec().site());
  if (bmc_tls(c.server, site == c.plan.mesh.sites.end() ? nullptr : &site->second) != "pin")
    return std::nullopt;
  if (!bmc_key(c.server).empty()) return std::nullopt;
  return "its BMC key is not known, and orders pin it: metalmesh inspect " + c.server.metadata().name();
}

Ground may_still_run(const Candidate& c) {
  if (c.plan.mesh.fences.empty()) return std::nullopt;
  const auto* kept = unfinished_at(c.plan.mesh, machine_of(c.server));
  if (kept == nullptr) return std::nullopt;
  return "deployment " + kept->first + " has ended, and what it began may still run there: " +
         commands::describe("server", c.server.metadata().name());
}

Ground powered_on(const Candidate& c) {
  if (c.plan.spec.powered_on() != "refuse" || c.server.status().power() == "Off") return std::nullopt;
  const std::string& power = c.server.status().power();
  return "its power was " + (power.empty() ? "unknown" : power) +
         " at the last inspection; if what runs there is needed: metalmesh server adopt " +
         c.server.metadata().name() + "; if not: poweredOn: graceful";
}

Ground no_virtual_media(const Candidate& c) {
  if (!found_lacking(c.server, "VirtualMedia")) return std::nullopt;
  return "its BMC offers no virtual media from a URL; enable it in the BMC's settings, check its licence, or "
         "update its firmware; then: " +
         commands::inspect(c.server.metadata().name());
}

/// Only who has to be asked to shut down is asked.
Ground no_shutdown(const Candidate& c) {
  if (c.plan.spec.powered_on() != "graceful" || c.server.status().power() == "Off") return std::nullopt;
  if (!found_lacking(c.server, "Shutdown")) return std::nullopt;
  const std::string& name = c.server.metadata().name();
  return "it is on, and its BMC offers nothing that asks the host to shut down; shut it down by hand, "
         "then: " +
         commands::inspect(name) + "; or, where what runs there may be lost, poweredOn: force";
}

}  // namespace grounds

const rest::Deployment* in_the_way(const MeshState& mesh, const rest::Server& server, const Action& action) {
  if (!action.changes || (!action.wipes && planted(Defect::power_beside_install))) return nullptr;
  return open_deployment(mesh, server);
}

}  // namespace metalmesh::controller
