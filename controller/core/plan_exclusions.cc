#include "controller/core/plan_exclusions.h"

#include <algorithm>
#include <array>

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/hosts/host_rules.h"
#include "common/text/glob.h"
#include "controller/core/fences.h"
#include "controller/core/field_rules.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/order_builder.h"
#include "controller/core/sentences.h"
#include "controller/core/server_phases.h"
#include "controller/state/deployment_states.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller {
namespace {

/// Why this candidate stays out, or nothing.
using Ground = std::optional<std::string>;

Ground excluded_by_name(const Candidate& c) {
  for (const std::string& pattern : c.spec.select().exclude()) {
    if (glob_matches(pattern, c.server.metadata().name())) return "excluded by " + pattern;
  }
  return std::nullopt;
}

Ground retired(const Candidate& c) {
  if (c.server.status().phase() != phases::retired) return std::nullopt;
  return "it was retired";
}

Ground site_unknown(const Candidate& c) {
  const auto site = c.mesh.sites.find(c.server.spec().site());
  if (site == c.mesh.sites.end()) return "site " + c.server.spec().site() + " does not exist";
  if (site->second.status().quarantined()) {
    return "site " + c.server.spec().site() + " is quarantined: " + site->second.status().quarantine_reason();
  }
  return std::nullopt;
}

Ground busy(const Candidate& c) {
  if (const rest::Deployment* open = open_deployment(c.mesh, c.server)) {
    return "deployment " + open->id() + " of rollout " + open->rollout() + " is open (" + open->state() + ")";
  }
  return std::nullopt;
}

Ground not_fenced(const Candidate& c) {
  if (c.mesh.fences.empty()) return std::nullopt;
  const auto* owed = fence_owed(c.mesh, machine_of(c.server));
  if (owed == nullptr) return std::nullopt;
  return "deployment " + owed->first + " was called back, and is " + not_fenced_yet(owed->second.site());
}

Ground unresolved(const Candidate& c) {
  const auto& unclear = c.server.status().unresolved();
  if (unclear.empty() || planted(Defect::unresolved_taken)) return std::nullopt;
  const std::string& name = c.server.metadata().name();
  const auto found = c.mesh.deployments.find(unclear.Get(0));
  if (found == c.mesh.deployments.end()) {
    if (planted(Defect::deleted_is_forgotten)) return std::nullopt;
    return "nobody decided what deployment " + unclear.Get(0) +
           " left on it, and its rollout is deleted: " + commands::release_for_install(name) + ", or " +
           commands::adopt(name);
  }
  if (found->second.state() == states::unproven && planted(Defect::unproven_taken)) return std::nullopt;
  return std::string(found->second.state() == states::unproven ? "nothing proves the system that deployment "
                                                               : "nobody knows how deployment ") +
         found->first + (found->second.state() == states::unproven ? " wrote" : " ended") + ": " +
         commands::resolve_either_way(found->first);
}

Ground blocked(const Candidate& c) {
  if (c.server.status().blocked().empty()) return std::nullopt;
  return c.server.status().blocked() +
         "; to use it again: " + commands::release_for_install(c.server.metadata().name());
}

Ground in_use(const Candidate& c) {
  if (!is_in_use(c.server)) return std::nullopt;
  return "what is on it is not known to be ours to wipe; if it is: " +
         commands::release_for_install(c.server.metadata().name());
}

Ground installed(const Candidate& c) {
  if (c.spec.reinstall() || !c.server.status().has_installed() || planted(Defect::installed_taken))
    return std::nullopt;
  const auto& what = c.server.status().installed();
  return "installed " + for_people(what.at()) + " with " + what.image() +
         "; to install it anew: reinstall: true";
}

Ground released(const Candidate& c) {
  if (c.spec.reinstall() || c.server.status().use() != "released") return std::nullopt;
  return "it was in use until it was released, and is not empty; to wipe it: reinstall: true";
}

Ground is_guarded(const Candidate& c) {
  if (!is_protected(c.server, c.now) || planted(Defect::protection_ignored)) return std::nullopt;
  if (planted(Defect::installed_taken) && c.server.status().has_installed()) return std::nullopt;
  return "it is protected; to change that: metalmesh server unprotect " + c.server.metadata().name() +
         " --reason ...";
}

Ground not_identified(const Candidate& c) {
  const IdentityJudgement verdict = judge_identity(c.server, c.identities);
  // An inspection that is missing is said by NOT_READY.
  if (verdict.ok || verdict.reason == "NOT_INSPECTED") return std::nullopt;
  return verdict.message + "; next: " + verdict.next;
}

Ground not_ready(const Candidate& c) {
  const std::string& phase = c.server.status().phase();
  if (!c.server.status().has_inspected_at())
    return "never inspected: metalmesh inspect " + c.server.metadata().name();
  if (phase == phases::ready || (c.spec.reinstall() && phase == phases::installed)) return std::nullopt;
  if (planted(Defect::installed_taken) && phase == phases::installed) return std::nullopt;
  const bool broken = phase == phases::failed || phase == phases::unproven;
  if (broken && c.spec.reinstall()) return std::nullopt;
  return "its phase is " + phase + (broken ? "; to install it anew: reinstall: true" : "");
}

Ground key_unknown(const Candidate& c) {
  const auto site = c.mesh.sites.find(c.server.spec().site());
  if (bmc_tls(c.server, site == c.mesh.sites.end() ? nullptr : &site->second) != "pin") return std::nullopt;
  if (!bmc_key(c.server).empty()) return std::nullopt;
  return "its BMC key is not known, and orders pin it: metalmesh inspect " + c.server.metadata().name();
}

Ground powered_on(const Candidate& c) {
  if (c.spec.powered_on() != "refuse" || c.server.status().power() == "Off") return std::nullopt;
  const std::string& power = c.server.status().power();
  return "its power was " + (power.empty() ? "unknown" : power) +
         " at the last inspection; if what runs there is needed: metalmesh server adopt " +
         c.server.metadata().name() + "; if not: poweredOn: graceful";
}

/// What the last inspection found of this type; it changes with the BMC's settings, so it is looked at anew.
bool found_lacking(const rest::Server& server, std::string_view type) {
  return std::ranges::any_of(server.status().conditions(), [&](const rest::Condition& condition) {
    return condition.type() == type && condition.status() == "False";
  });
}

Ground no_virtual_media(const Candidate& c) {
  if (!found_lacking(c.server, "VirtualMedia")) return std::nullopt;
  return "its BMC offers no virtual media from a URL; enable it in the BMC's settings, check its licence, or "
         "update its firmware; then: " +
         commands::inspect(c.server.metadata().name());
}

/// Only who has to be asked to shut down is asked.
Ground no_shutdown(const Candidate& c) {
  if (c.spec.powered_on() != "graceful" || c.server.status().power() == "Off") return std::nullopt;
  if (!found_lacking(c.server, "Shutdown")) return std::nullopt;
  const std::string& name = c.server.metadata().name();
  return "it is on, and its BMC offers nothing that asks the host to shut down; shut it down by hand, "
         "then: " +
         commands::inspect(name) + "; or, where what runs there may be lost, poweredOn: force";
}

Ground unreachable_proof(const Candidate& c) {
  const auto& proof = c.profile.spec().proof();
  if (proof.minimum() != "reachable") return std::nullopt;
  if (order_variables(c.mesh, c.profile, c.spec, c.server).contains(proof.host_var())) return std::nullopt;
  return "variable " + proof.host_var() + ", the address to reach, has no value";
}

Ground host_wrong(const Candidate& c) {
  wire::Host host = order_host(c.mesh, c.profile, c.spec, c.server);
  const auto wrong = hosts::check_host(host);
  if (!wrong) return std::nullopt;
  return "host." + wrong->field + ": " + wrong->message;
}

Ground address_taken(const Candidate& c) {
  for (const std::string& address : hosts::addresses_of(order_host(c.mesh, c.profile, c.spec, c.server))) {
    const auto owners = c.owners.find(c.server.spec().site() + "/" + address);
    if (owners == c.owners.end() || owners->second.size() < 2) continue;
    const auto& names = owners->second;
    return "address " + address + " is also that of " +
           (names[0] == c.server.metadata().name() ? names[1] : names[0]);
  }
  return std::nullopt;
}

struct Rule {
  const char* reason;
  Ground (*ground)(const Candidate&);
};

/// In the order in which people want to be told.
constexpr std::array rules_in_order = {
    Rule{"EXCLUDED", excluded_by_name},
    Rule{"RETIRED", retired},
    Rule{"SITE_UNKNOWN", site_unknown},
    Rule{"OPEN_DEPLOYMENT", busy},
    Rule{"BLOCKED", blocked},
    Rule{"UNRESOLVED", unresolved},
    Rule{"NOT_FENCED", not_fenced},
    Rule{"IN_USE", in_use},
    Rule{"INSTALLED", installed},
    Rule{"RELEASED", released},
    Rule{"PROTECTED", is_guarded},
    Rule{"IDENTITY_INSUFFICIENT", not_identified},
    Rule{"NOT_READY", not_ready},
    Rule{"KEY_UNKNOWN", key_unknown},
    Rule{"NO_VIRTUAL_MEDIA", no_virtual_media},
    Rule{"POWERED_ON", powered_on},
    Rule{"NO_SHUTDOWN", no_shutdown},
    Rule{"VARIABLE_MISSING", unreachable_proof},
    Rule{"HOST_INVALID", host_wrong},
    Rule{"ADDRESS_TAKEN", address_taken},
};

}  // namespace

std::optional<Exclusion> exclusion_of(const Candidate& candidate) {
  for (const Rule& rule : rules_in_order) {
    if (Ground ground = rule.ground(candidate)) return Exclusion{rule.reason, std::move(*ground)};
  }
  return std::nullopt;
}

}  // namespace metalmesh::controller
