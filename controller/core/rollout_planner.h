// Who is in a rollout, who is not and why, in which order: a pure function of the mesh. The digest covers all
// that a person agrees to with `start`; a plan whose digest a fresh planning no longer reproduces is stale.
#pragma once

#include <expected>
#include <string>

#include "common/base/time.h"
#include "controller/core/operator_request.h"
#include "controller/state/identity_index.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

/// Fails with a Refusal when the rollout's image or profile is gone or they do not fit each other.
std::expected<rest::Plan, Refusal> make_plan(const MeshState& mesh, const IdentityIndex& identities,
                                             const rest::Rollout& rollout, const Now& now);

}  // namespace metalmesh::controller
