#include "controller/api/request_body.h"

#include <string>
#include <utility>

#include "common/text/filler/filler.h"
#include "common/text/filler/json_document.h"
#include "common/text/letters.h"

namespace metalmesh::controller {
namespace {

bool is_json(std::string_view content_type) {
  const std::string_view media_type = content_type.substr(0, content_type.find_first_of("; \t"));
  return same_letters(media_type, "application/json");
}

}  // namespace

std::expected<void, Problem> read_body(const ApiRequest& request, google::protobuf::Message& into,
                                       std::span<const std::string_view> ignored) {
  if (request.body.empty()) return {};
  if (request.body.size() > json_bytes_most) {
    return refuse(413, "the body has " + std::to_string(request.body.size()) + " bytes; 1048576 are allowed");
  }
  const std::string* type = request.header("content-type");
  if (type == nullptr || !is_json(*type)) {
    return refuse(415,
                  type == nullptr ? std::string("the body has no Content-Type") : "Content-Type is " + *type,
                  "Content-Type", "send JSON with Content-Type: application/json");
  }
  auto read = read_json_into(request.body, into, {.whole = "the body", .ignored = ignored});
  if (!read) {
    Misfit& misfit = read.error();
    return refuse(400, std::move(misfit.message), std::move(misfit.field), std::move(misfit.next));
  }
  return {};
}

}  // namespace metalmesh::controller
