#include "controller/core/actions/install_order.h"

#include <utility>

#include "common/families/family_catalogue.h"
#include "common/hosts/host_merge.h"
#include "common/hosts/host_rules.h"
#include "common/hosts/ip_network.h"
#include "controller/core/object_rules.h"
#include "controller/core/order_builder.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

wire::ProofGrade grade_of(const std::string& minimum) {
  static const std::map<std::string, wire::ProofGrade> grades = {{"poweroff", wire::PROOF_POWEROFF},
                                                                 {"booted", wire::PROOF_BOOTED},
                                                                 {"callback", wire::PROOF_CALLBACK},
                                                                 {"reachable", wire::PROOF_REACHABLE}};
  const auto found = grades.find(minimum);
  return found == grades.end() ? wire::PROOF_BOOTED : found->second;
}

wire::FamilyRef family_ref(const MeshState& mesh, const std::string& site, const std::string& name) {
  wire::FamilyRef family;
  family.set_name(name);
  if (const auto known = mesh.families.find(site); known != mesh.families.end()) {
    if (const auto digest = known->second.find(name); digest != known->second.end())
      family.set_sha256(digest->second);
  }
  return family;
}

wire::ProofPolicy proof_policy(const rest::Profile& profile,
                               const std::map<std::string, std::string>& variables, const wire::Host& host) {
  const auto& wanted = profile.spec().proof();
  wire::ProofPolicy proof;
  proof.set_minimum(grade_of(wanted.minimum()));
  *proof.mutable_within() = wanted.within();
  proof.set_reach_port(wanted.port());
  if (const auto found = variables.find(wanted.host_var()); found != variables.end())
    proof.set_reach_host(found->second);
  for (std::string& network : callback_networks(wanted, host)) proof.add_callers(std::move(network));
  return proof;
}

wire::Variable variable(const std::string& name, const std::string& value) {
  wire::Variable out;
  out.set_name(name);
  out.set_value(value);
  return out;
}

wire::InstallerCheck installer_check(const rest::Profile& profile) {
  const std::string& wanted = profile.spec().verify_in_installer();
  if (wanted == "require") return wire::CHECK_REQUIRED;
  return wanted == "ifReachable" ? wire::CHECK_IF_REACHABLE : wire::INSTALLER_CHECK_UNSPECIFIED;
}

answer::PackagesPlace packages_place(const rest::Profile& profile) {
  if (packages_from_media(profile)) return {};
  if (packages_from_site(profile)) return {"http://[package-tree-of-the-site]/", true};
  return {profile.spec().packages(), false};
}

}  // namespace

std::vector<std::string> callback_networks(const rest::ProfileProof& proof, const wire::Host& host) {
  std::vector<std::string> out;
  if (proof.callback_from() == "anywhere") return out;
  for (const wire::Link& link : host.network().links()) {
    if (link.dhcp() && proof.callback_from().empty())
      return {};  // it may call from an address that nobody knows
    for (const std::string& text : link.addresses()) {
      auto address = hosts::parse_interface(text);
      if (!address) continue;
      if (proof.callback_from() == "subnet")
        address->address = address->first();
      else
        address->prefix = address->address.v6 ? 128 : 32;
      out.push_back(address->text());
    }
  }
  return out;
}

wire::PowerPolicy power_policy(const std::string& powered_on) {
  if (powered_on == "graceful") return wire::GRACEFUL;
  if (powered_on == "force") return wire::FORCE;
  return wire::REFUSE_IF_ON;
}

wire::ImageRef without_urls(wire::ImageRef image) {
  image.clear_urls();
  return image;
}

std::string version_of(const rest::Profile& profile) {
  return tables::version_name(profile.metadata().name(), profile.metadata().version());
}

std::map<std::string, std::string> order_variables(const MeshState& mesh, const rest::Profile& profile,
                                                   const rest::RolloutSpec& rollout,
                                                   const rest::Server& server) {
  std::map<std::string, std::string> all;
  const auto add = [&](const auto& vars) {
    for (const auto& [name, value] : vars) all[name] = value;
  };
  add(profile.spec().vars());
  if (const auto site = mesh.sites.find(server.spec().site()); site != mesh.sites.end())
    add(site->second.spec().vars());
  add(rollout.vars());
  add(server.spec().vars());
  all["hostname"] = server.spec().hostname().empty() ? server.metadata().name() : server.spec().hostname();
  return all;
}

wire::Host order_host(const MeshState& mesh, const rest::Profile& profile, const rest::RolloutSpec& rollout,
                      const rest::Server& server) {
  wire::Host host = profile.spec().host();
  if (const auto site = mesh.sites.find(server.spec().site()); site != mesh.sites.end())
    hosts::merge_host(host, site->second.spec().host());
  hosts::merge_host(host, rollout.host());
  hosts::merge_host(host, server.spec().host());
  hosts::check_host(host);  // normalises; what is wrong was excluded by the plan
  return host;
}

rules::Verdict check_image(const MeshState& mesh, const rest::Profile& profile, const std::string& image) {
  const auto found = mesh.images.find(image);
  if (found == mesh.images.end()) return rules::missing("spec.image", "Image", image);
  const std::string& family = found->second.spec().family();
  if (profile.spec().family() == family) return std::nullopt;
  return rules::refusal(ErrorKind::invalid, "spec.profile",
                        "profile " + profile.metadata().name() + " is for family " + profile.spec().family() +
                            ", image " + image + " is " + family);
}

answer::AnswerOrder answer_order(const MeshState& mesh, const rest::Profile& profile,
                                 const rest::RolloutSpec& rollout, const rest::Server& server,
                                 const config::OsFamily& family, wire::Host host) {
  answer::AnswerOrder order{.family = family,
                            .profile_template = profile.spec().template_().inline_(),
                            .variables = {},
                            .host = std::move(host),
                            .packages = packages_place(profile),
                            .callback = std::nullopt};
  const std::string callback_url = "[callback-url]";
  for (const auto& [name, value] : order_variables(mesh, profile, rollout, server))
    order.variables.push_back(variable(name, value));
  answer::offer(
      order.variables,
      {.server = server.metadata().name(), .deployment = "[deployment-id]", .callback_url = callback_url});
  if (profile.spec().proof().minimum() == "callback")
    order.callback = answer::Callback{callback_url, "[CA-of-the-site]\n"};
  if (const auto check = installer_check(profile); check != wire::INSTALLER_CHECK_UNSPECIFIED)
    order.check = answer::InstallerCheck{"[check-url]", "[CA-of-the-site]\n", check == wire::CHECK_REQUIRED};
  return order;
}

bool site_has_another(const MeshState& mesh, const std::string& site, const config::OsFamily& family) {
  const auto known = mesh.families.find(site);
  if (known == mesh.families.end()) return true;
  const auto digest = known->second.find(family.name());
  return digest == known->second.end() || digest->second != families::family_sha256(family);
}

wire::Install install_of(const MeshState& mesh, const rest::RolloutSpec& rollout,
                         const rest::Profile& profile, const rest::Server& server, wire::Host host) {
  wire::Install install;
  *install.mutable_image() = without_urls(image_ref(mesh.images.at(rollout.image())));
  if (const rest::Image* packages = package_image(mesh, profile, rollout.image())) {
    *install.mutable_packages()->mutable_image() = without_urls(image_ref(*packages));
  } else if (!packages_from_media(profile)) {
    install.mutable_packages()->set_url(profile.spec().packages());
  }
  install.mutable_profile()->set_name(profile.metadata().name());
  install.mutable_profile()->set_version(profile.metadata().version());
  install.mutable_profile()->set_sha256(mesh.profile_blobs.at(version_of(profile)));
  *install.mutable_family() = family_ref(mesh, server.spec().site(), profile.spec().family());
  const auto variables = order_variables(mesh, profile, rollout, server);
  for (const auto& [name, value] : variables) *install.add_variables() = variable(name, value);
  install.set_power(power_policy(rollout.powered_on()));
  install.set_replace_foreign_media(rollout.replace_foreign_media());
  *install.mutable_max_run() = profile.spec().max_run();
  *install.mutable_stall_after() = profile.spec().stall_after();
  install.set_attempts_before_wipe(defaults::attempts_before_wipe);
  *install.mutable_proof() = proof_policy(profile, variables, host);
  install.set_check(installer_check(profile));
  *install.mutable_host() = std::move(host);
  return install;
}

}  // namespace metalmesh::controller
