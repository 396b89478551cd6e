// From objects to the order that a site gets. What is agreed to is serialized once, when it is planned, so that later
// edits of a server, image or profile cannot change it; the generation is added when it is handed out. Pure.
#pragma once

#include <map>
#include <string>

#include "common/base/time.h"
#include "controller/state/mesh_state.h"
#include "schemas/record/controller.pb.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh::controller {

/// What the answer file may use: profile < site < rollout < server, later ones win; plus `hostname`.
std::map<std::string, std::string> order_variables(const MeshState& mesh, const rest::Profile& profile,
                                                   const rest::RolloutSpec& rollout,
                                                   const rest::Server& server);

/// What the server is to become: profile < site < rollout < server. Normalised, unless it is wrong (plans
/// leave such out).
wire::Host order_host(const MeshState& mesh, const rest::Profile& profile, const rest::RolloutSpec& rollout,
                      const rest::Server& server);

/// The image as a site is told of it.
wire::ImageRef image_ref(const rest::Image& image);

/// What a person agrees to for one server, serialized for good. `plan` names image and profile version.
std::string agree_to(const MeshState& mesh, const rest::RolloutSpec& rollout, const rest::Plan& plan,
                     const rest::Server& server);
/// What is added when the rollout is started, without generation. `plan` names image and profile version.
wire::Issue issue_for(const MeshState& mesh, const rest::Rollout& rollout, const rest::Plan& plan,
                      const rest::Server& server, const std::string& deployment, WallTime started);
/// What was agreed to in an order of ours.
wire::Agreed agreed_in(const record::Order& order);

/// No order of this rollout starts after it.
WallTime start_deadline(const rest::RolloutSpec& spec, WallTime started);

}  // namespace metalmesh::controller
