// Conditional requests (RFC 9110, section 13). An object's ETag is its metadata.version in quotes. Live facts
// (percent, last heard) are not stored and do not raise it; so replies say no-store, and only a client that
// asks with If-None-Match gets a 304.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/api/api_request.h"
#include "controller/api/problem.h"

namespace metalmesh::controller {

std::string etag_of(std::uint64_t version);

/// What a write is conditional on, in the core's terms: a version, 0 for "must not exist", or nothing.
/// `current` is the stored version, 0 when the object does not exist. Refuses with 400 (malformed) or 412.
std::expected<std::optional<std::uint64_t>, Problem> write_condition(const ApiRequest& request,
                                                                     std::uint64_t current);

/// True when a GET may be answered with 304. Refuses with 400.
std::expected<bool, Problem> not_modified(const ApiRequest& request, std::uint64_t current);

/// The 412 of a write whose condition does not hold.
Problem version_mismatch(std::uint64_t wanted, std::uint64_t current);

}  // namespace metalmesh::controller
