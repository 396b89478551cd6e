// Query parameters that narrow what a request shows, the same wherever they stand.
#pragma once

#include <optional>
#include <string>

#include "controller/api/api_request.h"
#include "controller/api/label_selector.h"
#include "controller/api/problem.h"
#include "controller/core/object_query.h"

namespace metalmesh::controller {

/// ?labelSelector=; everything when it is not there.
std::expected<LabelSelector, Problem> wanted_labels(const ApiRequest& request);
/// ?where=, of objects of this type; nothing: all of them.
std::expected<std::optional<ObjectQuery>, Problem> wanted_objects(const ApiRequest& request,
                                                                  const google::protobuf::Descriptor& type);
/// ?since=: how long ago ("2h") or when ("2026-12-02T18:00:00Z"); nothing: ever.
std::expected<std::optional<WallTime>, Problem> wanted_since(const ApiRequest& request, const Now& now);
/// ?state= of a deployment, in its own letters; empty: any.
std::expected<std::string, Problem> wanted_state(const ApiRequest& request);

}  // namespace metalmesh::controller
