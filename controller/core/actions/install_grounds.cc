#include "controller/core/actions/install_grounds.h"

#include <algorithm>
#include <array>

#include "common/answer/answer_order.h"
#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/families/family_catalogue.h"
#include "common/hosts/host_rules.h"
#include "controller/core/actions/grounds.h"
#include "controller/core/actions/install_order.h"
#include "controller/core/actions/install_roles.h"
#include "controller/core/hardware_types.h"
#include "controller/core/image_surveys.h"
#include "controller/core/object_rules.h"
#include "controller/core/selection.h"
#include "controller/core/server_phases.h"
#include "controller/state/deployment_states.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller {
namespace {

Ground unresolved(const Candidate& c) {
  const auto& unclear = c.server.status().unresolved();
  if (unclear.empty() || planted(Defect::unresolved_taken)) return std::nullopt;
  const std::string& name = c.server.metadata().name();
  const auto found = c.plan.mesh.deployments.find(unclear.Get(0));
  if (found == c.plan.mesh.deployments.end()) {
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

Ground in_use(const Candidate& c) {
  if (!is_in_use(c.server)) return std::nullopt;
  return "what is on it is not known to be ours to wipe; if it is: " +
         commands::release_for_install(c.server.metadata().name());
}

Ground installed(const Candidate& c) {
  if (c.plan.spec.reinstall() || !c.server.status().has_installed() || planted(Defect::installed_taken))
    return std::nullopt;
  const auto& what = c.server.status().installed();
  return "installed " + for_people(what.at()) + " with " + what.image() +
         "; to install it anew: reinstall: true";
}

Ground released(const Candidate& c) {
  if (c.plan.spec.reinstall() || c.server.status().use() != "released") return std::nullopt;
  return "it was in use until it was released, and is not empty; to wipe it: reinstall: true";
}

Ground is_guarded(const Candidate& c) {
  if (!is_protected(c.server, c.plan.now) || planted(Defect::protection_ignored)) return std::nullopt;
  if (planted(Defect::installed_taken) && c.server.status().has_installed()) return std::nullopt;
  return "it is protected; to change that: metalmesh server unprotect " + c.server.metadata().name() +
         " --reason ...";
}

Ground not_ready(const Candidate& c) {
  const std::string& phase = c.server.status().phase();
  if (Ground never = grounds::never_inspected(c)) return never;
  if (phase == phases::ready || (c.plan.spec.reinstall() && phase == phases::installed)) return std::nullopt;
  if (planted(Defect::installed_taken) && phase == phases::installed) return std::nullopt;
  const bool broken = phase == phases::failed || phase == phases::unproven;
  if (broken && c.plan.spec.reinstall()) return std::nullopt;
  return "its phase is " + phase + (broken ? "; to install it anew: reinstall: true" : "");
}

/// A candidate, and what it would become.
struct Become {
  const Candidate& candidate;
  const rest::Profile& profile;
  const AddressOwners& owners;
  const rest::ServerHardware& hardware;
  const OrderedHost& ordered;
};

Ground unreachable_proof(const Become& b) {
  const auto& proof = b.profile.spec().proof();
  if (proof.minimum() != "reachable") return std::nullopt;
  const Candidate& c = b.candidate;
  if (order_variables(c.plan.mesh, b.profile, c.plan.spec, c.server).contains(proof.host_var()))
    return std::nullopt;
  return "variable " + proof.host_var() + ", the address to reach, has no value";
}

Ground callback_from_nowhere(const Become& b) {
  const auto& proof = b.profile.spec().proof();
  if (proof.callback_from().empty() || proof.callback_from() == "anywhere") return std::nullopt;
  if (!callback_networks(proof, b.ordered.host).empty()) return std::nullopt;
  return "its callback is to come from its " + proof.callback_from() + ", and host.network tells no address";
}

Ground host_wrong(const Become& b) {
  if (b.ordered.twice) return "host." + *b.ordered.twice;
  wire::Host host = b.ordered.host;
  const auto wrong = hosts::check_host(host);
  if (!wrong) return std::nullopt;
  return "host." + wrong->field + ": " + wrong->message;
}

/// Only what its type says must be.
Ground deviates(const Become& b) {
  std::string all;
  for (const rest::HardwareDeviation& each : b.hardware.deviations())
    if (each.must()) all += (all.empty() ? "" : "; ") + each.message();
  if (all.empty() || planted(Defect::must_ignored)) return std::nullopt;
  return "as hardware type " + b.hardware.type() + " it must not differ in: " + all;
}

Ground role_unresolved(const Become& b) {
  return planted(Defect::must_ignored) ? std::nullopt : b.ordered.unresolved;
}

/// The profile with its template; nothing when nobody knows that any more: old versions are kept without.
const rest::Profile* whole_profile(const Become& b) {
  const auto newest = b.candidate.plan.mesh.profiles.find(b.profile.metadata().name());
  if (newest == b.candidate.plan.mesh.profiles.end() ||
      newest->second.metadata().version() != b.profile.metadata().version())
    return nullptr;
  return &newest->second;
}

/// Its family by the catalogue of this version.
const config::OsFamily* family_of(const Become& b) {
  const MeshState& mesh = b.candidate.plan.mesh;
  return mesh.catalogue == nullptr ? nullptr : mesh.catalogue->find(b.profile.spec().family());
}

Ground cannot_ask(const Become& b) {
  const config::OsFamily* family = family_of(b);
  const rest::Profile* profile = whole_profile(b);
  if (b.profile.spec().verify_in_installer() != "require" || family == nullptr || profile == nullptr)
    return std::nullopt;
  return answer::why_it_cannot_ask(*family, profile->spec().template_().inline_());
}

/// By the family's file as this version has it, if the site renders by the same.
Ground beyond_the_family(const Become& b) {
  const MeshState& mesh = b.candidate.plan.mesh;
  const rest::Server& server = b.candidate.server;
  const config::OsFamily* family = family_of(b);
  if (family == nullptr || site_has_another(mesh, server.spec().site(), *family)) return std::nullopt;
  const rest::Profile* profile = whole_profile(b);
  if (profile == nullptr) return std::nullopt;
  auto order = answer_order(mesh, *profile, b.candidate.plan.spec, server, *family, b.ordered.host);
  auto reason = answer::why_refused(order);
  for (const rest::RoleChoice& role : b.ordered.roles) {
    if (reason && !role.looked_for().empty())
      *reason = "role " + role.role() +
                ": its BMC lists no drives, so the installer is to look for the disk (" + role.looked_for() +
                "): " + *reason;
  }
  return reason;
}

/// By what the site found in the image, if it ever had it. Which entry an order names for itself is for the site to look up.
Ground image_unsuitable(const Become& b) {
  const PlanInput& plan = b.candidate.plan;
  const rest::Server& server = b.candidate.server;
  const std::string& image = plan.spec.image();
  const auto reason = image_refused_at(plan.mesh, plan.mesh.images.at(image), server.spec().site(),
                                       b.profile.spec().family());
  if (!reason || order_variables(plan.mesh, b.profile, plan.spec, server).contains(answer::entry_variable))
    return std::nullopt;
  return "site " + server.spec().site() + " found that nothing can be installed from image " + image +
         " as " + b.profile.spec().family() + ": " + *reason + " (" + commands::inspect_image(image) + ")";
}

/// The key of a host name; an address has none that begins so.
std::string owned_name(const rest::Server& server) { return "name " + host_name_key(server); }

Ground hostname_taken(const Become& b) {
  const rest::Server& server = b.candidate.server;
  if (server.spec().hostname().empty()) return std::nullopt;
  const auto owners = b.owners.find(owned_name(server));
  if (owners == b.owners.end() || owners->second.size() < 2) return std::nullopt;
  const auto& names = owners->second;
  return "hostname " + server.spec().hostname() + " is also that of " +
         (names[0] == server.metadata().name() ? names[1] : names[0]);
}

Ground address_taken(const Become& b) {
  const rest::Server& server = b.candidate.server;
  for (const std::string& address : hosts::addresses_of(b.ordered.host)) {
    const auto owners = b.owners.find(server.spec().site() + "/" + address);
    if (owners == b.owners.end() || owners->second.size() < 2) continue;
    const auto& names = owners->second;
    return "address " + address + " is also that of " +
           (names[0] == server.metadata().name() ? names[1] : names[0]);
  }
  return std::nullopt;
}

/// In the order in which people want to be told.
constexpr std::array against_it = {
    Rule<Candidate>{"EXCLUDED", grounds::excluded_by_name},
    Rule<Candidate>{"RETIRED", grounds::retired},
    Rule<Candidate>{"SITE_UNKNOWN", grounds::site_unknown},
    Rule<Candidate>{"BMC_NOT_ALLOWED", grounds::bmc_not_allowed},
    Rule<Candidate>{"OPEN_DEPLOYMENT", grounds::busy},
    Rule<Candidate>{"BLOCKED", grounds::blocked},
    Rule<Candidate>{"UNRESOLVED", unresolved},
    Rule<Candidate>{"NOT_FENCED", grounds::not_fenced},
    Rule<Candidate>{"IN_USE", in_use},
    Rule<Candidate>{"INSTALLED", installed},
    Rule<Candidate>{"RELEASED", released},
    Rule<Candidate>{"PROTECTED", is_guarded},
    Rule<Candidate>{"IDENTITY_INSUFFICIENT", grounds::not_identified},
    Rule<Candidate>{"NOT_READY", not_ready, true},
    Rule<Candidate>{"KEY_UNKNOWN", grounds::key_unknown},
    Rule<Candidate>{"NO_VIRTUAL_MEDIA", grounds::no_virtual_media, true},
    Rule<Candidate>{"POWERED_ON", grounds::powered_on, true},
    Rule<Candidate>{"NO_SHUTDOWN", grounds::no_shutdown, true},
};
constexpr std::array against_what_it_becomes = {
    Rule<Become>{"VARIABLE_MISSING", unreachable_proof},
    Rule<Become>{"HOST_INVALID", host_wrong},
    Rule<Become>{"CALLBACK_UNBOUND", callback_from_nowhere},
    Rule<Become>{"HARDWARE_DEVIATES", deviates, true},
    Rule<Become>{"ROLE_UNRESOLVED", role_unresolved, true},
    Rule<Become>{"CANNOT_ASK", cannot_ask},
    Rule<Become>{"NOT_EXPRESSIBLE", beyond_the_family},
    Rule<Become>{"IMAGE_UNSUITABLE", image_unsuitable},
    Rule<Become>{"HOSTNAME_TAKEN", hostname_taken},
    Rule<Become>{"ADDRESS_TAKEN", address_taken},
};

/// Once, however often it is met.
void add_name(std::vector<std::string>& names, const rest::Server& server) {
  const std::string& name = server.metadata().name();
  if (std::ranges::find(names, name) == names.end()) names.push_back(name);
}

}  // namespace

void add_owner(AddressOwners& owners, const PlanInput& plan, const rest::Profile& profile,
               const rest::Server& server) {
  if (server.status().phase() == phases::retired) return;
  if (!server.spec().hostname().empty()) add_name(owners[owned_name(server)], server);
  const bool selected = selects(plan.spec.select(), server);
  const wire::Host host = selected ? order_host(plan.mesh, profile, plan.spec, server) : server.spec().host();
  for (const std::string& address : hosts::addresses_of(host)) {
    add_name(owners[server.spec().site() + "/" + address], server);
  }
}

std::optional<Exclusion> against_install(const PlanInput& plan, const rest::Profile& profile,
                                         const AddressOwners& owners, const rest::Server& server) {
  const Candidate candidate{plan, server};
  if (auto against = first_of(against_it, candidate)) return against;
  const rest::ServerHardware hardware = hardware_of(plan.mesh, plan.rows, server);
  const OrderedHost ordered = ordered_host(plan.mesh, hardware, profile, plan.spec, server);
  return first_of(against_what_it_becomes, Become{candidate, profile, owners, hardware, ordered});
}

}  // namespace metalmesh::controller
