// Conditional requests (RFC 9110, section 13). An object's ETag names its metadata.version, the life of the
// ledger that wrote it, and what is live in it (last heard, counts) where its kind has such facts. A write
// compares version and ledger: a version that is given again after a restore never matches. A read compares
// all of it, so that a 304 never hides a site that fell silent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/api/api_request.h"
#include "controller/api/problem.h"

namespace metalmesh::controller {

struct ObjectTag {
  std::uint64_t version = 0;  // 0: the object does not exist
  std::string ledger;         // the life that wrote this version
  std::string live = {};      // digest of what is not stored; empty: its kind has nothing of the sort

  /// Without quotes.
  [[nodiscard]] std::string text() const;
};

/// For `live`.
std::string live_digest(const std::string& bytes);
/// The header's value.
std::string etag_of(const ObjectTag& tag);

/// What a write is conditional on, in the core's terms: a version, 0 for "must not exist", or nothing.
/// Refuses with 400 (malformed) or 412.
std::expected<std::optional<std::uint64_t>, Problem> write_condition(const ApiRequest& request,
                                                                     const ObjectTag& current);

/// True when a GET may be answered with 304. Refuses with 400.
std::expected<bool, Problem> not_modified(const ApiRequest& request, const ObjectTag& current);

/// The 412 of a write whose condition does not hold.
Problem version_mismatch(std::uint64_t wanted, std::uint64_t current);

}  // namespace metalmesh::controller
