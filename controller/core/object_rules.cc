#include "controller/core/object_rules.h"

#include <algorithm>

#include "common/base/machine_key.h"
#include "common/hosts/bmc_networks.h"
#include "common/hosts/host_rules.h"
#include "common/ports/bandwidth_plan.h"
#include "common/ports/wire_time.h"
#include "common/text/letters.h"
#include "controller/core/actions/actions.h"
#include "controller/core/object_head.h"
#include "controller/core/rollout_waves.h"
#include "controller/core/start_windows.h"

namespace metalmesh::controller {
namespace {

using rules::default_to;
using rules::first_of;
using rules::head;
using rules::if_set;
using rules::missing;
using rules::refusal;
using rules::required;
using rules::Verdict;

constexpr std::int64_t day = 24 * 3600;  // seconds
constexpr std::uint32_t parallel_limit = 10'000;
constexpr std::size_t template_limit = 256 * 1024;
constexpr int list_limit = 10'000;
constexpr int urls_limit = 16;
constexpr int macs_limit = 32;
constexpr std::size_t users_limit = 1000;

std::string action_names() {
  std::string names;
  for (const Action* one : all_actions()) names += (names.empty() ? "" : ", ") + std::string(one->name);
  return names;
}

Verdict placeholder(const std::string& field, const std::string& value) {
  return refusal(
      ErrorKind::invalid, field,
      "\"" + value.substr(0, 80) + "\" is malformed or a vendor's placeholder: it identifies no machine",
      "leave it out, inspect the server and accept what its BMC reports");
}

Verdict check_identity(const rest::ServerIdentity& identity) {
  if (!identity.uuid().empty() && !usable_uuid(identity.uuid())) {
    return placeholder("spec.identity.uuid", identity.uuid());
  }
  if (!identity.serial().empty() && !usable_serial(identity.serial())) {
    return placeholder("spec.identity.serial", identity.serial());
  }
  if (identity.macs_size() > macs_limit)
    return rules::at_most("spec.identity.macs", static_cast<std::uint64_t>(identity.macs_size()), macs_limit);
  for (int i = 0; i < identity.macs_size(); ++i) {
    if (!usable_mac(identity.macs(i))) {
      return placeholder("spec.identity.macs[" + std::to_string(i) + "]", identity.macs(i));
    }
  }
  return std::nullopt;
}

Verdict check_credential_use(const rest::Server& server, const rest::Site& site, const MeshState& mesh) {
  const std::string& own = server.spec().bmc().credential();
  const std::string& name = own.empty() ? site.spec().defaults().credential() : own;
  const std::string field = "spec.bmc.credential";
  if (name.empty()) {
    return refusal(ErrorKind::invalid, field,
                   "is required: site " + site.metadata().name() + " has no default credential");
  }
  const auto found = mesh.credentials.find(name);
  if (found == mesh.credentials.end()) return missing(field, "Credential", name);
  const std::string& home = found->second.spec().site();
  if (!home.empty() && home != site.metadata().name()) {
    return refusal(ErrorKind::invalid, field, "credential " + name + " belongs to site " + home);
  }
  return std::nullopt;
}

Verdict check_proof(rest::ProfileProof& proof) {
  default_to(*proof.mutable_minimum(), "booted");
  if (!proof.has_within()) *proof.mutable_within() = to_wire(defaults::proof_within);
  const bool reaches = proof.minimum() == "reachable";
  return first_of(
      {rules::one_of("spec.proof.minimum", proof.minimum(), {"poweroff", "booted", "callback", "reachable"}),
       if_set(proof.callback_from(),
              [](const auto& v) {
                return rules::one_of("spec.proof.callbackFrom", v, {"address", "subnet", "anywhere"});
              }),
       rules::duration("spec.proof.within", proof.within(), day),
       rules::at_most("spec.proof.port", proof.port(), 65535),
       required("spec.proof.port", !reaches || proof.port() != 0),
       required("spec.proof.hostVar", !reaches || !proof.host_var().empty())});
}

/// Attributes of a registry that only a BMC knows: any name that is one word, bounded.
Verdict check_attributes(const std::string& field, const rules::StringMap& attributes) {
  constexpr std::size_t most = 1000;
  constexpr std::size_t longest = 256;
  for (const auto& [name, value] : attributes) {
    const bool is_word = !name.empty() && name.size() <= longest &&
                         std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~'; });
    if (!is_word)
      return refusal(ErrorKind::invalid, field,
                     "\"" + name.substr(0, 80) +
                         "\" is no name of an attribute: 1 to 256 printable characters without blanks");
    if (auto bad = rules::text(field + "." + name, value, longest)) return bad;
  }
  return rules::at_most(field, static_cast<std::uint64_t>(attributes.size()), most);
}

constexpr std::string_view from_media = "media";
constexpr std::string_view from_site = "siteHttp";

Verdict check_packages(const rest::ProfileSpec& spec) {
  const std::string& packages = spec.packages();
  if (!spec.packages_image().empty() && packages != from_site) {
    return refusal(ErrorKind::invalid, "spec.packagesImage",
                   "is for packages: siteHttp, and this is \"" + packages.substr(0, 80) + "\"");
  }
  if (packages.empty() || packages == from_media) return std::nullopt;
  if (packages == from_site) {
    return if_set(spec.packages_image(), [](const auto& v) { return rules::name("spec.packagesImage", v); });
  }
  const bool web = packages.starts_with("http://") || packages.starts_with("https://");
  if (web && !rules::url("spec.packages", packages)) return std::nullopt;
  return refusal(ErrorKind::invalid, "spec.packages",
                 "\"" + packages.substr(0, 80) + "\" is none of: media, siteHttp, http://..., https://...");
}

Verdict check_selection(const rest::Selection& select, const MeshState&) {
  if (select.labels().empty() && select.sites().empty() && select.servers().empty()) {
    return refusal(ErrorKind::invalid, "spec.select", "selects nothing: name labels, sites or servers",
                   "to mean every server, say sites: [\"*\"]");
  }
  if (select.servers_size() > list_limit)
    return rules::at_most("spec.select.servers", static_cast<std::uint64_t>(select.servers_size()),
                          list_limit);
  for (int i = 0; i < select.servers_size(); ++i) {
    if (auto bad = rules::name("spec.select.servers[" + std::to_string(i) + "]", select.servers(i)))
      return bad;
  }
  for (int i = 0; i < select.sites_size(); ++i) {
    if (auto bad = rules::name_pattern("spec.select.sites[" + std::to_string(i) + "]", select.sites(i)))
      return bad;
  }
  for (int i = 0; i < select.exclude_size(); ++i) {
    if (auto bad = rules::name_pattern("spec.select.exclude[" + std::to_string(i) + "]", select.exclude(i)))
      return bad;
  }
  return rules::labels("spec.select.labels", select.labels());
}

Verdict check_pace(rest::RolloutSpec& spec, const MeshState& mesh) {
  auto& parallel = *spec.mutable_parallel();
  if (parallel.total() == 0) parallel.set_total(defaults::parallel_total);
  if (parallel.per_site() == 0) parallel.set_per_site(defaults::parallel_per_site);
  if (!spec.has_start_within()) *spec.mutable_start_within() = to_wire(usual_start_within(spec));
  default_to(*spec.mutable_offline(), "finish");
  const auto& stop = spec.stop_after();
  if (stop.no_canary() && stop.canary() != 0) {
    return refusal(ErrorKind::invalid, "spec.stopAfter.noCanary", "contradicts spec.stopAfter.canary");
  }
  if (auto bad = check_waves(spec)) return bad;
  if (auto bad = check_windows(spec.windows(), "", mesh)) return bad;
  const bool until = spec.offline() == "startUntil";
  return first_of(
      {rules::at_most("spec.parallel.total", parallel.total(), parallel_limit),
       rules::at_most("spec.parallel.perSite", parallel.per_site(), parallel_limit),
       rules::at_most("spec.stopAfter.canary", stop.canary(), parallel_limit),
       rules::at_most("spec.stopAfter.minimum", stop.minimum(), parallel_limit),
       if_set(stop.after_wipe(), [](const auto& v) { return rules::share("spec.stopAfter.afterWipe", v); }),
       if_set(stop.unproven(), [](const auto& v) { return rules::share("spec.stopAfter.unproven", v); }),
       if_set(stop.before_wipe(), [](const auto& v) { return rules::share("spec.stopAfter.beforeWipe", v); }),
       if_set(stop.failed(), [](const auto& v) { return rules::share("spec.stopAfter.failed", v); }),
       rules::duration("spec.startWithin", spec.start_within(), 30 * day),
       rules::one_of("spec.offline", spec.offline(), {"finish", "startUntil"}),
       required("spec.offlineStartWithin", !until || spec.has_offline_start_within()),
       until ? rules::duration("spec.offlineStartWithin", spec.offline_start_within(), 30 * day)
             : std::nullopt});
}

Verdict check_network(const wire::BmcNetwork& network) {
  for (const std::string& credential : network.credentials()) {
    if (auto bad = rules::name("spec.bmcNetworks.credentials", credential)) return bad;
  }
  return if_set(network.media_address(),
                [](const auto& v) { return rules::address("spec.bmcNetworks.mediaAddress", v); });
}

}  // namespace

Verdict check_host(wire::Host* host) {
  const auto wrong = hosts::check_host(*host);
  if (!wrong) return std::nullopt;
  return refusal(ErrorKind::invalid, "spec.host." + wrong->field, wrong->message);
}

const rest::Image* package_image(const MeshState& mesh, const rest::Profile& profile,
                                 const std::string& image) {
  if (!packages_from_site(profile)) return nullptr;
  const std::string& own = profile.spec().packages_image();
  const auto found = mesh.images.find(own.empty() ? image : own);
  return found == mesh.images.end() ? nullptr : &found->second;
}

bool packages_from_site(const rest::Profile& profile) { return profile.spec().packages() == from_site; }

bool packages_from_media(const rest::Profile& profile) {
  return profile.spec().packages().empty() || profile.spec().packages() == from_media;
}

const rest::Profile* find_profile(const MeshState& mesh, const std::string& reference) {
  const bool pinned = reference.find('@') != std::string::npos;
  const auto& from = pinned ? mesh.profile_versions : mesh.profiles;
  const auto found = from.find(reference);
  return found == from.end() ? nullptr : &found->second;
}

Verdict check(rest::Site& site, const MeshState& mesh) {
  if (auto bad = head(site, "Site")) return bad;
  auto& spec = *site.mutable_spec();
  if (spec.limits().parallel() == 0) spec.mutable_limits()->set_parallel(defaults::site_parallel);
  if (spec.limits().login_refusals() == 0)
    spec.mutable_limits()->set_login_refusals(defaults::login_refusals);
  default_to(*spec.mutable_defaults()->mutable_bmc_tls(), "pin");
  if (spec.has_host()) {
    if (auto bad = check_host(spec.mutable_host())) return bad;
  }
  if (const auto plan = BandwidthPlan::from(spec.images()); !plan)
    return refusal(ErrorKind::invalid, "spec.images", plan.error().message);
  if (const auto fine = hosts::BmcNetworks::check(spec.bmc_networks()); !fine)
    return refusal(ErrorKind::invalid, "spec.bmcNetworks", fine.error().message);
  for (const wire::BmcNetwork& network : spec.bmc_networks()) {
    if (auto bad = check_network(network)) return bad;
  }
  constexpr std::int64_t hour = 3600;  // seconds
  const auto& every = spec.inspect_every();
  if (spec.has_inspect_every() && (every.seconds() != 0 || every.nanos() != 0) &&
      (every.seconds() < hour || every.seconds() > 365 * day))
    return refusal(ErrorKind::invalid, "spec.inspectEvery", "is between 1h and 365d; 0s: never");
  if (auto bad = check_windows(spec.windows(), spec.time_zone(), mesh)) return bad;
  // The default credential may be applied after its site, to which it belongs.
  return first_of(
      {rules::text("spec.timeZone", spec.time_zone(), 64),
       rules::at_most("spec.limits.parallel", spec.limits().parallel(), parallel_limit),
       rules::at_most("spec.limits.loginRefusals", spec.limits().login_refusals(), 100),
       if_set(spec.defaults().credential(),
              [](const auto& v) { return rules::name("spec.defaults.credential", v); }),
       rules::one_of("spec.defaults.bmcTls", spec.defaults().bmc_tls(), {"pin", "ca"}),
       if_set(spec.defaults().new_servers(),
              [](const auto& v) { return rules::one_of("spec.defaults.newServers", v, {"new", "inUse"}); }),
       if_set(spec.media().address(), [](const auto& v) { return rules::address("spec.media.address", v); }),
       rules::variables("spec.vars", spec.vars())});
}

Verdict check(rest::Credential& credential, const MeshState& mesh) {
  if (auto bad = head(credential, "Credential")) return bad;
  const std::string& site = credential.spec().site();
  if (!site.empty() && !mesh.sites.contains(site)) return missing("spec.site", "Site", site);
  return rules::text("spec.note", credential.spec().note(), rules::note_limit);
}

Verdict check(rest::Server& server, const MeshState& mesh) {
  if (auto bad = head(server, "Server")) return bad;
  if (server.spec().has_host()) {
    if (auto bad = check_host(server.mutable_spec()->mutable_host())) return bad;
  }
  const auto& spec = server.spec();
  if (auto bad = required("spec.site", !spec.site().empty())) return bad;
  const auto site = mesh.sites.find(spec.site());
  if (site == mesh.sites.end()) return missing("spec.site", "Site", spec.site());
  return first_of(
      {required("spec.bmc.address", !spec.bmc().address().empty()),
       rules::address("spec.bmc.address", spec.bmc().address()),
       check_credential_use(server, site->second, mesh),
       if_set(spec.bmc().tls(),
              [](const auto& v) { return rules::one_of("spec.bmc.tls", v, {"pin", "ca"}); }),
       if_set(spec.bmc().media(),
              [](const auto& v) { return rules::one_of("spec.bmc.media", v, {"https", "http"}); }),
       if_set(spec.bmc().key_sha256(),
              [](const auto& v) { return rules::sha256_hex("spec.bmc.keySha256", v); }),
       check_identity(spec.identity()),
       if_set(spec.state(), [](const auto& v) { return rules::one_of("spec.state", v, {"new", "inUse"}); }),
       if_set(spec.hostname(), [](const auto& v) { return rules::hostname("spec.hostname", v); }),
       rules::variables("spec.vars", spec.vars())});
}

Verdict check(rest::Image& image, const MeshState&) {
  if (auto bad = head(image, "Image")) return bad;
  auto& spec = *image.mutable_spec();
  default_to(*spec.mutable_arch(), "x86_64");
  auto& iso = *spec.mutable_iso();
  *iso.mutable_sha256() = to_lower(iso.sha256());
  if (iso.urls_size() > urls_limit)
    return rules::at_most("spec.iso.urls", static_cast<std::uint64_t>(iso.urls_size()), urls_limit);
  for (int i = 0; i < iso.urls_size(); ++i) {
    if (auto bad = rules::url("spec.iso.urls[" + std::to_string(i) + "]", iso.urls(i))) return bad;
  }
  return first_of({rules::token("spec.family", spec.family()),
                   rules::one_of("spec.arch", spec.arch(), {"x86_64", "aarch64"}),
                   required("spec.iso.urls", iso.urls_size() > 0),
                   rules::sha256_hex("spec.iso.sha256", iso.sha256())});
}

Verdict check(rest::Profile& profile, const MeshState&) {
  if (auto bad = head(profile, "Profile")) return bad;
  auto& spec = *profile.mutable_spec();
  if (!spec.has_max_run()) *spec.mutable_max_run() = to_wire(defaults::max_run);
  if (!spec.has_stall_after()) *spec.mutable_stall_after() = to_wire(defaults::stall_after);
  if (spec.template_().inline_().empty() && !spec.template_().file().empty()) {
    return refusal(ErrorKind::invalid, "spec.template.file", "the controller reads no files of yours",
                   "let `metalmesh apply -f FILE` send it, or give spec.template.inline");
  }
  if (spec.has_host()) {
    if (auto bad = check_host(spec.mutable_host())) return bad;
  }
  if (spec.has_disk()) {
    if (auto bad = check_role("spec.disk.role", spec.disk().role())) return bad;
    if (spec.host().disk().ByteSizeLong() != 0)
      return refusal(ErrorKind::invalid, "spec.disk",
                     "takes the disk by role " + spec.disk().role() +
                         ", and spec.host.disk names one: leave out one of them");
  }
  // Without a template the family's own is used; the agents know which family has one.
  return first_of({rules::token("spec.family", spec.family()),
                   rules::text("spec.template.inline", spec.template_().inline_(), template_limit),
                   rules::variables("spec.vars", spec.vars()), check_proof(*spec.mutable_proof()),
                   if_set(spec.verify_in_installer(),
                          [](const std::string& v) {
                            return rules::one_of("spec.verifyInInstaller", v,
                                                 {"off", "ifReachable", "require"});
                          }),
                   check_packages(spec), rules::duration("spec.maxRun", spec.max_run(), 7 * day),
                   rules::duration("spec.stallAfter", spec.stall_after(), 7 * day)});
}

Verdict check(rest::SettingsProfile& settings, const MeshState&) {
  if (auto bad = head(settings, "SettingsProfile")) return bad;
  const auto& spec = settings.spec();
  return first_of({check_attributes("spec.bios", spec.bios()), check_attributes("spec.bmc", spec.bmc()),
                   rules::text("spec.note", spec.note(), rules::note_limit)});
}

Verdict check(rest::PostureException& exception, const MeshState& mesh) {
  if (auto bad = head(exception, "PostureException")) return bad;
  const auto& spec = exception.spec();
  for (int i = 0; i < spec.findings_size(); ++i) {
    if (auto bad = rules::one_of(
            "spec.findings[" + std::to_string(i) + "]", spec.findings(i),
            {"legacyBoot", "secureBootOff", "ipmiOverLan", "selfSigned", "certificateExpires", "clockOff"}))
      return bad;
  }
  return first_of({rules::required("spec.findings", !spec.findings().empty()),
                   check_selection(spec.select(), mesh),
                   rules::required("spec.reason", !spec.reason().empty()),
                   rules::text("spec.reason", spec.reason(), rules::note_limit),
                   rules::required("spec.until", spec.has_until())});
}

Verdict check(rest::User& user, const MeshState& mesh) {
  if (auto bad = head(user, "User")) return bad;
  const auto& spec = user.spec();
  if (!mesh.users.contains(user.metadata().name()) && mesh.users.size() >= users_limit)
    return refusal(ErrorKind::exhausted, "",
                   "there are " + std::to_string(mesh.users.size()) + " users, which is the most",
                   "metalmesh delete user NAME");
  for (const std::string& site : spec.sites()) {
    if (!mesh.sites.contains(site)) return missing("spec.sites", "Site", site);
  }
  for (int i = 0; i < spec.actions_size(); ++i) {
    if (action_named(spec.actions(i)) == nullptr)
      return refusal(ErrorKind::invalid, "spec.actions[" + std::to_string(i) + "]",
                     "\"" + spec.actions(i).substr(0, 80) + "\" is none of: " + action_names());
  }
  if (spec.role() == "admin" && spec.sites_size() + spec.actions_size() > 0)
    return refusal(ErrorKind::invalid, "spec.role", "an admin is bound to no site and no action",
                   "make it an approver, or leave out spec.sites and spec.actions");
  return first_of({rules::one_of("spec.role", spec.role(), {"viewer", "operator", "approver", "admin"}),
                   rules::text("spec.note", spec.note(), rules::note_limit)});
}

Verdict check(rest::Rollout& rollout, const MeshState& mesh) {
  if (auto bad = head(rollout, "Rollout")) return bad;
  auto& spec = *rollout.mutable_spec();
  default_to(*spec.mutable_action(), "install");
  const Action* action = action_named(spec.action());
  if (action == nullptr) {
    return refusal(ErrorKind::unsupported, "spec.action",
                   "\"" + spec.action().substr(0, 80) + "\" is no action of this version: " + action_names());
  }
  if (auto bad = check_fields(*action, spec)) return bad;
  if (auto bad = check_selection(spec.select(), mesh)) return bad;
  if (auto bad = action->check(spec, mesh)) return bad;
  return check_pace(spec, mesh);
}

}  // namespace metalmesh::controller
