// From objects to the order that a site gets. What is agreed to is serialized once, when it is planned, so that later
// edits of a server, image or profile cannot change it; the generation is added when it is handed out. Pure.
#pragma once

#include <string>

#include "common/base/time.h"
#include "controller/core/actions/action.h"
#include "controller/state/mesh_state.h"
#include "schemas/record/controller.pb.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh::controller {

/// The image as a site is told of it.
wire::ImageRef image_ref(const rest::Image& image);

/// What a person agrees to for one server, serialized for good.
std::string agree_to(const MeshState& mesh, const Planning& planning, const rest::Server& server);
/// When a rollout was started: the same for all of its orders, however long it takes to make them.
struct StartMoment {
  WallTime at;
  Duration clock_steps;  // of the controller's clock by then
};
/// What is added when the rollout is started, without generation.
wire::Issue issue_for(const MeshState& mesh, const rest::Rollout& rollout, const rest::Server& server,
                      const std::string& deployment, const StartMoment& started);
/// What was agreed to in an order of ours.
wire::Agreed agreed_in(const record::Order& order);

/// No order of this rollout starts after it.
WallTime start_deadline(const rest::RolloutSpec& spec, WallTime started);

}  // namespace metalmesh::controller
