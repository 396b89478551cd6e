// What a server is beside its hardware type: found by manufacturer and model, as its BMC tells them; in what it differs from what the
// type expects, and what the type's roles are on it. Pure.
#pragma once

#include <string>
#include <vector>

#include "common/ports/store.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

/// Names of all that match, which is to be one; none of a server that was not inspected.
std::vector<std::string> types_of(const MeshState& mesh, const rest::Server& server);

/// In the order of the facts. A fact that the BMC does not tell is none that holds.
std::vector<rest::HardwareDeviation> deviations_of(const rest::HardwareFacts& expected,
                                                   const wire::Inventory& inventory);

/// As it was read last.
rest::ServerHardware hardware_of(const MeshState& mesh, const RowReader& rows, const rest::Server& server);

}  // namespace metalmesh::controller
