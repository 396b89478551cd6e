// The body of a request as a message: Content-Type, JSON, and the limits, in one place.
#pragma once

#include <google/protobuf/message.h>

#include <span>
#include <string_view>

#include "controller/api/api_request.h"
#include "controller/api/problem.h"

namespace metalmesh::controller {

/// An empty body leaves `into` as it is: endpoints whose body is needed find a field missing.
std::expected<void, Problem> read_body(const ApiRequest& request, google::protobuf::Message& into,
                                       std::span<const std::string_view> ignored = {});

}  // namespace metalmesh::controller
