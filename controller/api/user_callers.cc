#include "controller/api/user_callers.h"

#include "common/ports/wire_time.h"

namespace metalmesh::controller {

Callers callers_of(const MeshState& mesh) {
  Callers callers;
  for (const auto& [sha256, token] : mesh.tokens) {
    const auto user = mesh.users.find(token.user());
    if (user == mesh.users.end()) continue;
    const rest::UserSpec& spec = user->second.spec();
    const auto role = role_named(spec.role());
    if (spec.disabled() || !role) continue;
    callers[sha256] = Principal{.name = token.user(),
                                .role = *role,
                                .sites = {spec.sites().begin(), spec.sites().end()},
                                .actions = {spec.actions().begin(), spec.actions().end()},
                                .token = sha256,
                                .until = from_wire(token.token().expires())};
  }
  return callers;
}

}  // namespace metalmesh::controller
