// What each server of a plan will read over its BMC, and how long that takes: measured at earlier installs
// where there were any, and otherwise an assumption that says so. Pure.
#pragma once

#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

/// `plan` has its image, profile and servers.
rest::PlanMedia forecast_media(const MeshState& mesh, const rest::Plan& plan);

}  // namespace metalmesh::controller
