#include "controller/core/order_builder.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/ports/wire_time.h"
#include "controller/core/actions/actions.h"
#include "controller/core/identity_judgement.h"
#include "controller/state/row_codec.h"

namespace metalmesh::controller {

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

std::string agree_to(const MeshState& mesh, const Planning& planning, const rest::Server& server) {
  wire::Agreed agreed;
  agreed.set_server(server.metadata().name());
  *agreed.mutable_identity() = order_identity(server);
  *agreed.mutable_bmc() = bmc_target(server, &mesh.sites.at(server.spec().site()));
  agreed.mutable_bmc()->clear_key_sha256();
  planning.agree(server, agreed);
  return canonical_bytes(agreed);
}

wire::Issue issue_for(const MeshState& mesh, const rest::Rollout& rollout, const rest::Server& server,
                      const std::string& deployment, const StartMoment& started) {
  const rest::RolloutSpec& spec = rollout.spec();
  wire::Issue issue;
  issue.set_deployment_id(deployment);
  issue.set_rollout(rollout.metadata().name());
  issue.set_bmc_key_sha256(bmc_target(server, &mesh.sites.at(server.spec().site())).key_sha256());
  *issue.mutable_start_by() = to_wire(start_deadline(spec, started.at));
  *issue.mutable_clock_steps() = to_wire(started.clock_steps);
  action_of(spec).issue(mesh, spec, issue);
  return issue;
}

wire::Agreed agreed_in(const record::Order& order) {
  wire::Agreed agreed;
  MM_CHECK(agreed.ParseFromString(order.order().agreed()));
  return agreed;
}

}  // namespace metalmesh::controller
