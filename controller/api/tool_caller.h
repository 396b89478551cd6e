// Who a tool is, by the name under which the broker lets it speak and listen.
#pragma once

#include <optional>
#include <string>

#include "controller/api/access.h"
#include "controller/api/tool_topics.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

/// Nothing: no tool of this mesh, or a disabled one.
inline std::optional<Principal> tool_caller(const rest::User& user) {
  const rest::UserSpec& spec = user.spec();
  const auto role = role_named(spec.role());
  if (!user.metadata().name().starts_with(tool_topics::tool_prefix) || spec.disabled() || !role)
    return std::nullopt;
  return Principal{.name = user.metadata().name(),
                   .role = *role,
                   .sites = {spec.sites().begin(), spec.sites().end()},
                   .actions = {spec.actions().begin(), spec.actions().end()}};
}
inline std::optional<Principal> tool_caller(const MeshState& mesh, const std::string& name) {
  const auto found = mesh.users.find(name);
  return found == mesh.users.end() ? std::nullopt : tool_caller(found->second);
}

}  // namespace metalmesh::controller
