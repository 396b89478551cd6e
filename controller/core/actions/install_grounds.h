// Why a server is not installed: a table of grounds. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/core/actions/action.h"

namespace metalmesh::controller {

/// Who has, or would have, an address ("site/address") or a host name, by the names of servers.
using AddressOwners = std::map<std::string, std::vector<std::string>>;
/// A server of the selection counts with what its rollout would make of it, another one with its own object.
void add_owner(AddressOwners& owners, const PlanInput& plan, const rest::Profile& profile,
               const rest::Server& server);

std::optional<Exclusion> against_install(const PlanInput& plan, const rest::Profile& profile,
                                         const AddressOwners& owners, const rest::Server& server);

}  // namespace metalmesh::controller
