// Disks and cards that an install names by role, as what they are on one server: serial, WWN, MAC. It is done when it is planned, and
// the order has nothing else. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/core/actions/install_order.h"

namespace metalmesh::controller {

struct OrderedHost {
  wire::Host host;                        // without roles, unless `unresolved`
  std::vector<rest::RoleChoice> roles;    // that were asked for
  std::optional<std::string> twice;       // what names the disk beside a role
  std::optional<std::string> unresolved;  // why a role is nothing that could be ordered
};

/// `hardware`: the server's, beside its type (hardware_types.h).
OrderedHost ordered_host(const MeshState& mesh, const rest::ServerHardware& hardware,
                         const rest::Profile& profile, const rest::RolloutSpec& rollout,
                         const rest::Server& server);

}  // namespace metalmesh::controller
