// What each server of a plan will read over its BMC, and how long that takes: measured at earlier installs
// where there were any, and otherwise an assumption that says so. Pure.
#pragma once

#include "controller/core/actions/action.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

/// `plan` has its image and profile.
rest::PlanMedia forecast_media(const MeshState& mesh, const rest::Plan& plan, const PlanFigures& figures);

}  // namespace metalmesh::controller
