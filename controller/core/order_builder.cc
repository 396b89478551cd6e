#include "controller/core/order_builder.h"

#include <algorithm>

#include "common/hosts/host_merge.h"
#include "common/hosts/host_rules.h"
#include "common/ports/wire_time.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/object_rules.h"
#include "controller/state/row_codec.h"

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

wire::PowerPolicy policy_of(const std::string& powered_on) {
  if (powered_on == "graceful") return wire::GRACEFUL;
  if (powered_on == "force") return wire::FORCE;
  return wire::REFUSE_IF_ON;
}

}  // namespace

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

WallTime start_deadline(const rest::RolloutSpec& spec, WallTime started) {
  Duration within = from_wire(spec.start_within());
  if (spec.offline() == "startUntil") within = std::max(within, from_wire(spec.offline_start_within()));
  return started + within;
}

wire::ImageRef image_ref(const rest::Image& image) {
  wire::ImageRef ref;
  ref.set_name(image.metadata().name());
  ref.set_sha256(image.spec().iso().sha256());
  ref.set_size(image.spec().iso().size());
  *ref.mutable_urls() = image.spec().iso().urls();
  return ref;
}

wire::StartInstall build_order(const MeshState& mesh, const rest::Rollout& rollout, const rest::Plan& plan,
                               const rest::Server& server, const std::string& deployment, WallTime started) {
  const auto& spec = rollout.spec();
  const rest::Profile& profile = *find_profile(mesh, plan.profile());
  const rest::Image& image = mesh.images.at(plan.image());
  wire::StartInstall order;
  order.set_deployment_id(deployment);
  order.set_rollout(rollout.metadata().name());
  order.set_server(server.metadata().name());
  *order.mutable_identity() = order_identity(server);
  *order.mutable_bmc() = bmc_target(server, &mesh.sites.at(server.spec().site()));
  *order.mutable_image() = image_ref(image);
  order.mutable_image()->set_sha256(plan.image_sha256());
  if (const rest::Image* packages = package_image(mesh, profile, plan.image())) {
    *order.mutable_packages()->mutable_image() = image_ref(*packages);
  } else if (!packages_from_media(profile)) {
    order.mutable_packages()->set_url(profile.spec().packages());
  }
  order.mutable_profile()->set_name(profile.metadata().name());
  order.mutable_profile()->set_version(profile.metadata().version());
  order.mutable_profile()->set_sha256(mesh.profile_blobs.at(plan.profile()));
  const auto variables = order_variables(mesh, profile, spec, server);
  for (const auto& [name, value] : variables) {
    wire::Variable& variable = *order.add_variables();
    variable.set_name(name);
    variable.set_value(value);
  }
  *order.mutable_host() = order_host(mesh, profile, spec, server);
  order.set_power(policy_of(spec.powered_on()));
  order.set_replace_foreign_media(spec.replace_foreign_media());
  const WallTime start_by = start_deadline(spec, started);
  *order.mutable_start_by() = to_wire(start_by);
  *order.mutable_launch_by() = to_wire(start_by + from_wire(spec.launch_within()));
  *order.mutable_clock_steps() = to_wire(mesh.clock_steps);
  *order.mutable_max_run() = profile.spec().max_run();
  *order.mutable_stall_after() = profile.spec().stall_after();
  order.set_attempts_before_wipe(defaults::attempts_before_wipe);
  const auto& proof = profile.spec().proof();
  order.mutable_proof()->set_minimum(grade_of(proof.minimum()));
  *order.mutable_proof()->mutable_within() = proof.within();
  *order.mutable_proof()->mutable_settle() = proof.settle();
  order.mutable_proof()->set_reach_port(proof.port());
  if (const auto host = variables.find(proof.host_var()); host != variables.end()) {
    order.mutable_proof()->set_reach_host(host->second);
  }
  return order;
}

}  // namespace metalmesh::controller
