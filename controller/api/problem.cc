#include "controller/api/problem.h"

#include <utility>

#include "controller/api/json_encode.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {
namespace {

struct StatusWords {
  int status;
  std::string_view slug;
  std::string_view title;
};

constexpr StatusWords words[] = {
    {400, "malformed-request", "The request cannot be understood"},
    {401, "not-authenticated", "A valid token is needed"},
    {403, "forbidden", "Not allowed"},
    {404, "not-found", "Not found"},
    {405, "method-not-allowed", "Method not allowed"},
    {409, "conflict", "Its state forbids the request"},
    {410, "list-again", "What you want to go on from is gone: list again"},
    {412, "version-mismatch", "It has changed since you read it"},
    {413, "too-large", "The request is too large"},
    {415, "unsupported-media-type", "The body is not JSON"},
    {422, "refused", "The request was understood and refused"},
    {429, "too-many-guesses", "Too many unknown tokens"},
    {500, "internal", "A defect of the controller"},
    {501, "unsupported", "Not supported by this version"},
    {503, "unavailable", "Not possible right now"},
    {504, "timeout", "No answer in time"},
    {507, "exhausted", "A limit was reached"},
};

const StatusWords& words_of(int status) {
  for (const StatusWords& entry : words) {
    if (entry.status == status) return entry;
  }
  return words_of(500);
}

}  // namespace

std::unexpected<Problem> refuse(int status, std::string detail, std::string field, std::string next) {
  return std::unexpected(Problem{status, std::move(detail), std::move(field), std::move(next), {}});
}

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return 422;
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::conflict:
      return 409;
    case ErrorKind::denied:
      return 403;
    case ErrorKind::unavailable:
      return 503;
    case ErrorKind::timeout:
      return 504;
    case ErrorKind::unsupported:
      return 501;
    case ErrorKind::corrupt:
      return 500;
    case ErrorKind::exhausted:
      return 507;
    case ErrorKind::internal:
      return 500;
  }
  return 500;
}

std::string_view slug_of(int status) { return words_of(status).slug; }

ApiReply to_reply(const Problem& problem, const std::string& instance) {
  rest::Problem body;
  body.set_type("urn:metalmesh:problem:" + std::string(slug_of(problem.status)));
  body.set_title(std::string(words_of(problem.status).title));
  body.set_status(static_cast<std::uint32_t>(problem.status));
  body.set_detail(problem.detail);
  body.set_instance(instance);
  body.set_field(problem.field);
  body.set_next(problem.next);
  ApiReply reply{problem.status, encode_json(body), "application/problem+json", problem.headers};
  if (problem.status == 503) reply.headers.emplace_back("retry-after", "5");
  return reply;
}

}  // namespace metalmesh::controller
