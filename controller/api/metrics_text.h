// The controller's numbers in the Prometheus text format (0.0.4). Like every other read it needs a token:
// names of sites are nobody's business.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/base/time.h"
#include "controller/core/controller_metrics.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

/// What the API itself knows.
struct ApiCounters {
  std::map<int, std::uint64_t> replies;  // by HTTP status
  std::size_t event_streams = 0;
  std::size_t change_streams = 0;
  bool bus_up = false;
};

std::string metrics_text(const MeshState& state, const ControllerMetrics& core, const ApiCounters& counters,
                         const std::string& version);

}  // namespace metalmesh::controller
