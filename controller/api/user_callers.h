// The users that may come in, by their tokens: what an Authenticator is to learn. Pure.
#pragma once

#include "controller/api/access.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

Callers callers_of(const MeshState& mesh);

}  // namespace metalmesh::controller
