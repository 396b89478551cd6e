// The real thing instead of stand-ins: Ed25519 keys as the product makes them, from PEM files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "tests/sim/sim_keys.h"

namespace metalmesh::sim {

/// Makes keys for the controller and for `sites` in a folder that is removed again. Safe from any thread.
Result<std::unique_ptr<KeyRing>> make_real_keys(const std::vector<std::string>& sites);

}  // namespace metalmesh::sim
