// Why a server of the selection stays out of a plan: a table of grounds, the first that holds is told. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "controller/state/identity_index.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

/// Who has, or would have, an address: "site/address" to the names of servers.
using AddressOwners = std::map<std::string, std::vector<std::string>>;

struct Candidate {
  const MeshState& mesh;
  const IdentityIndex& identities;
  const rest::RolloutSpec& spec;
  const rest::Profile& profile;
  const rest::Server& server;
  const Now& now;
  const AddressOwners& owners;
};

struct Exclusion {
  const char* reason;  // upper case, part of the API
  std::string message;
};
/// The first ground against this candidate, in the order in which people want to be told.
std::optional<Exclusion> exclusion_of(const Candidate& candidate);

}  // namespace metalmesh::controller
