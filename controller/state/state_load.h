// From rows to memory, once, at start.
#pragma once

#include "common/base/result.h"
#include "common/ports/store.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

struct LoadedState {
  MeshState mesh;
  InnerState inner;
  std::map<std::string, record::Machine> machines;  // by id
};

/// Reads every row but events, blobs and streams. What can be derived (counts of rollouts, live facts of
/// sites) is not stored: counts are filled here, live facts start empty. Kinds: corrupt, unsupported; the
/// message names the row.
Result<LoadedState> load_state(const RowReader& rows);

}  // namespace metalmesh::controller
