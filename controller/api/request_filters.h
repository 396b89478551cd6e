// Query parameters that narrow what a request shows, the same wherever they stand.
#pragma once

#include <string>

#include "controller/api/api_request.h"
#include "controller/api/label_selector.h"
#include "controller/api/problem.h"

namespace metalmesh::controller {

/// ?labelSelector=; everything when it is not there.
std::expected<LabelSelector, Problem> wanted_labels(const ApiRequest& request);
/// ?state= of a deployment, in its own letters; empty: any.
std::expected<std::string, Problem> wanted_state(const ApiRequest& request);

}  // namespace metalmesh::controller
