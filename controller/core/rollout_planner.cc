#include "controller/core/rollout_planner.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "common/base/command_words.h"
#include "common/base/digest.h"
#include "common/base/planted.h"
#include "common/hosts/host_rules.h"
#include "controller/core/field_rules.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/media_forecast.h"
#include "controller/core/object_rules.h"
#include "controller/core/order_builder.h"
#include "controller/core/server_phases.h"
#include "controller/state/row_codec.h"
#include "controller/state/stamp_words.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

/// Who has, or would have, an address: "site/address" to the names of servers.
using AddressOwners = std::map<std::string, std::vector<std::string>>;

struct Candidate {
  const MeshState& mesh;
  const IdentityIndex& identities;
  const rest::RolloutSpec& spec;
  const rest::Profile& profile;
  const rest::Server& server;
  const Now& now;
  const AddressOwners& owners;
};

/// Why this candidate stays out, or nothing.
using Ground = std::optional<std::string>;

Ground excluded_by_name(const Candidate& c) {
  for (const std::string& pattern : c.spec.select().exclude()) {
    if (rules::glob_matches(pattern, c.server.metadata().name())) return "excluded by " + pattern;
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

Ground unresolved(const Candidate& c) {
  if (const rest::Deployment* last = unresolved_deployment(c.mesh, c.server)) {
    return "nobody knows how deployment " + last->id() +
           " ended: " + commands::resolve_either_way(last->id());
  }
  return std::nullopt;
}

Ground installed(const Candidate& c) {
  if (c.spec.reinstall() || c.server.status().phase() != phases::installed) return std::nullopt;
  const auto& what = c.server.status().installed();
  return "installed " + for_people(what.at()) + " with " + what.image() +
         "; to install it anew: reinstall: true";
}

Ground is_guarded(const Candidate& c) {
  if (!is_protected(c.server, c.now) || planted(Defect::protection_ignored)) return std::nullopt;
  return "it is protected; to change that: " + commands::unprotect(c.server.metadata().name());
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
    return "never inspected: " + commands::inspect(c.server.metadata().name());
  if (phase == phases::ready || (c.spec.reinstall() && phase == phases::installed)) return std::nullopt;
  const bool broken = phase == phases::failed || phase == phases::unproven;
  if (broken && c.spec.reinstall()) return std::nullopt;
  return "its phase is " + phase + (broken ? "; to install it anew: reinstall: true" : "");
}

Ground key_unknown(const Candidate& c) {
  const auto site = c.mesh.sites.find(c.server.spec().site());
  if (bmc_tls(c.server, site == c.mesh.sites.end() ? nullptr : &site->second) != "pin") return std::nullopt;
  if (!bmc_key(c.server).empty()) return std::nullopt;
  return "its BMC key is not known, and orders pin it: " + commands::inspect(c.server.metadata().name());
}

Ground powered_on(const Candidate& c) {
  if (c.spec.powered_on() != "refuse" || c.server.status().power() == "Off") return std::nullopt;
  const std::string& power = c.server.status().power();
  return "its power was " + (power.empty() ? "unknown" : power) +
         " at the last inspection; to allow that: poweredOn: graceful";
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

struct Exclusion {
  const char* reason;
  Ground (*ground)(const Candidate&);
};

/// In the order in which people want to be told.
constexpr std::array exclusions = {
    Exclusion{"EXCLUDED", excluded_by_name}, Exclusion{"RETIRED", retired},
    Exclusion{"SITE_UNKNOWN", site_unknown}, Exclusion{"OPEN_DEPLOYMENT", busy},
    Exclusion{"UNRESOLVED", unresolved},     Exclusion{"INSTALLED", installed},
    Exclusion{"PROTECTED", is_guarded},      Exclusion{"IDENTITY_INSUFFICIENT", not_identified},
    Exclusion{"NOT_READY", not_ready},       Exclusion{"KEY_UNKNOWN", key_unknown},
    Exclusion{"POWERED_ON", powered_on},     Exclusion{"VARIABLE_MISSING", unreachable_proof},
    Exclusion{"HOST_INVALID", host_wrong},   Exclusion{"ADDRESS_TAKEN", address_taken},
};

bool selects(const rest::Selection& select, const rest::Server& server) {
  const auto& site = server.spec().site();
  const auto& name = server.metadata().name();
  if (!select.sites().empty() && std::ranges::none_of(select.sites(), [&](const auto& glob) {
        return rules::glob_matches(glob, site);
      })) {
    return false;
  }
  if (!select.servers().empty() && std::ranges::find(select.servers(), name) == select.servers().end())
    return false;
  return std::ranges::all_of(select.labels(), [&](const auto& label) {
    const auto found = server.metadata().labels().find(label.first);
    return found != server.metadata().labels().end() && found->second == label.second;
  });
}

/// A server of the selection counts with what this rollout would make of it, another one with its own object.
AddressOwners address_owners(const MeshState& mesh, const rest::Profile& profile,
                             const rest::RolloutSpec& spec) {
  AddressOwners owners;
  for (const auto& [name, server] : mesh.servers) {
    if (server.status().phase() == phases::retired) continue;
    const bool selected = selects(spec.select(), server);
    const wire::Host host = selected ? order_host(mesh, profile, spec, server) : server.spec().host();
    for (const std::string& address : hosts::addresses_of(host))
      owners[server.spec().site() + "/" + address].push_back(name);
  }
  return owners;
}

std::uint32_t canaries(const rest::RolloutStop& stop, int servers) {
  if (stop.no_canary()) return 0;
  if (stop.canary() != 0) return stop.canary();
  return static_cast<std::uint32_t>(servers) > defaults::canary_above ? 1 : 0;
}

void add_line(std::string& text, const std::string& key, const std::string& value) {
  // Lengths keep a crafted value from posing as the next line.
  text += key + " " + std::to_string(value.size()) + " " + value + "\n";
}

std::string digest_of(const rest::Plan& plan, const rest::Rollout& rollout, const MeshState& mesh,
                      const std::string& profile_content) {
  const auto& spec = rollout.spec();
  std::string text = "metalmesh plan 1\n";
  add_line(text, "rollout", rollout.metadata().name());
  add_line(text, "action", spec.action());
  add_line(text, "image", plan.image_sha256());
  add_line(text, "profile", plan.profile());
  add_line(text, "content", to_hex(sha256(profile_content)));
  add_line(text, "reinstall", spec.reinstall() ? "yes" : "no");
  add_line(text, "poweredOn", spec.powered_on());
  add_line(text, "foreignMedia", spec.replace_foreign_media() ? "replace" : "refuse");
  add_line(text, "parallel",
           std::to_string(spec.parallel().total()) + "/" + std::to_string(spec.parallel().per_site()));
  add_line(text, "stop", spec.stop_after().after_wipe() + "/" + spec.stop_after().before_wipe());
  add_line(
      text, "within",
      std::to_string(spec.start_within().seconds()) + "/" + std::to_string(spec.launch_within().seconds()));
  add_line(text, "offline", spec.offline() + "/" + std::to_string(spec.offline_start_within().seconds()));
  const rest::Profile& profile = *find_profile(mesh, plan.profile());
  if (!packages_from_media(profile)) add_line(text, "packages", profile.spec().packages());
  if (const rest::Image* packages = package_image(mesh, profile, plan.image()))
    add_line(text, "packages", packages->spec().iso().sha256());
  for (const rest::PlanServer& server : plan.servers()) {
    add_line(text, "server", server.name());
    add_line(text, "site", server.site());
    add_line(text, "wave", std::to_string(server.wave()));
    add_line(text, "uuid", server.identity().uuid());
    add_line(text, "serial", server.identity().serial());
    for (const std::string& mac : server.identity().macs()) add_line(text, "mac", mac);
    const rest::Server& object = mesh.servers.at(server.name());
    const wire::BmcTarget bmc = bmc_target(object, &mesh.sites.at(server.site()));
    add_line(text, "bmc", bmc.address());
    add_line(text, "credential", bmc.credential());
    add_line(text, "key", bmc.key_sha256());
    for (const auto& [name, value] : order_variables(mesh, profile, spec, object))
      add_line(text, "var " + name, value);
    if (const wire::Host host = order_host(mesh, profile, spec, object); host.ByteSizeLong() != 0)
      add_line(text, "host", canonical_bytes(host));
  }
  return to_hex(sha256(text));
}

rest::PlanServer planned(const rest::Server& server, std::uint32_t wave) {
  rest::PlanServer entry;
  entry.set_name(server.metadata().name());
  entry.set_site(server.spec().site());
  entry.set_bmc(server.spec().bmc().address());
  entry.set_wave(wave);
  const wire::Identity identity = order_identity(server);
  entry.mutable_identity()->set_uuid(identity.uuid());
  entry.mutable_identity()->set_serial(identity.serial());
  *entry.mutable_identity()->mutable_macs() = identity.macs();
  return entry;
}

void exclude(rest::Plan& plan, const std::string& name, const std::string& site, const std::string& reason,
             std::string message) {
  rest::PlanExcluded& entry = *plan.add_excluded();
  entry.set_name(name);
  entry.set_site(site);
  entry.set_reason(reason);
  entry.set_message(std::move(message));
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

std::expected<rest::Plan, Refusal> make_plan(const MeshState& mesh, const IdentityIndex& identities,
                                             const rest::Rollout& rollout, const Now& now) {
  // References and families are checked again: objects may have changed since the rollout was applied.
  rest::Rollout checked = rollout;
  if (auto bad = check(checked, mesh)) return std::unexpected(*bad);
  const auto& spec = rollout.spec();
  const rest::Image& image = mesh.images.at(spec.image());
  const rest::Profile& profile = *find_profile(mesh, spec.profile());

  rest::Plan plan;
  plan.set_image(spec.image());
  plan.set_image_sha256(image.spec().iso().sha256());
  plan.set_profile(tables::version_name(profile.metadata().name(), profile.metadata().version()));
  const AddressOwners owners = address_owners(mesh, profile, spec);
  for (const auto& [name, server] : mesh.servers) {
    if (!selects(spec.select(), server)) continue;
    const Candidate candidate{mesh, identities, spec, profile, server, now, owners};
    bool out = false;
    for (const Exclusion& exclusion : exclusions) {
      if (Ground ground = exclusion.ground(candidate)) {
        exclude(plan, name, server.spec().site(), exclusion.reason, std::move(*ground));
        out = true;
        break;
      }
    }
    if (!out) *plan.add_servers() = planned(server, 1);
  }
  for (const std::string& name : spec.select().servers()) {
    if (!mesh.servers.contains(name)) exclude(plan, name, "", "UNKNOWN", "there is no server of this name");
  }
  const std::uint32_t first = canaries(spec.stop_after(), plan.servers_size());
  const bool has_canary = first != 0 && first < static_cast<std::uint32_t>(plan.servers_size());
  for (int i = 0; has_canary && i < plan.servers_size(); ++i) {
    plan.mutable_servers(i)->set_wave(static_cast<std::uint32_t>(i) < first ? 1 : 2);
  }
  plan.set_digest(digest_of(plan, rollout, mesh, profile_content(profile)));
  add_warnings(plan, mesh, rollout);
  *plan.mutable_media() = forecast_media(mesh, plan);
  return plan;
}

}  // namespace metalmesh::controller
