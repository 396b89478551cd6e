// What an install would make of one server, shown before anything is ordered: the files that its installer
// will read, and the kernel arguments. Pure; by the same merge and the same rendering as an order.
#pragma once

#include <expected>
#include <string>

#include "controller/core/operator_request.h"
#include "controller/state/mesh_state.h"
#include "schemas/rest/rendering.pb.h"

namespace metalmesh::controller {

/// `profile` has its template; `image`: a name, or empty where it does not matter. What a plan would refuse of it is
/// refused in the same words; whether the server may be installed now is not asked. Secrets are shown as stars: values
/// of variables and lines of templates and scripts that are called so, hashes, private keys, if they have six letters.
/// `hardware`: the server's, beside its type.
std::expected<rest::Rendering, Refusal> preview_install(const MeshState& mesh,
                                                        const rest::ServerHardware& hardware,
                                                        const rest::Profile& profile,
                                                        const std::string& image, const rest::Server& server);

}  // namespace metalmesh::controller
