// One body for every failure: application/problem+json (RFC 9457), whatever went wrong and wherever.
//
// 400 means the request cannot be read as what it claims to be (syntax, unknown field, wrong type, bad
// header or query); 422 means it was understood and refused. The table from ErrorKind to status is in
// problem.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/ports/http_client.h"

namespace metalmesh::controller {

struct Problem {
  int status = 500;
  std::string detail;  // what was seen, for people
  std::string field;   // path of the culprit ("spec.bmc.address"), header or parameter; empty: none known
  std::string next;    // what to do
  Headers headers;     // e.g. Allow, WWW-Authenticate
};

/// A reply that is complete. `headers` are added to those every reply carries.
struct ApiReply {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  Headers headers;
  std::uint64_t later = 0;  // not 0: what was asked for is under way, and this is no reply yet
};

using ApiResult = std::expected<ApiReply, Problem>;

[[nodiscard]] std::unexpected<Problem> refuse(int status, std::string detail, std::string field = {},
                                              std::string next = {});
int status_of(ErrorKind kind);
/// "not-found" for 404: the last part of the problem's type URI, stable for programs to switch on.
std::string_view slug_of(int status);

/// `instance` is the path that was asked for.
ApiReply to_reply(const Problem& problem, const std::string& instance);

}  // namespace metalmesh::controller
