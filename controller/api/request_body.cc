#include "controller/api/request_body.h"

#include <string>
#include <utility>

#include "common/text/letters.h"
#include "controller/api/json_codec.h"

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
  auto decoded = decode_json(request.body, into, ignored);
  if (!decoded) {
    JsonFault& fault = decoded.error();
    return refuse(400, std::move(fault.message), std::move(fault.field), std::move(fault.next));
  }
  return {};
}

}  // namespace metalmesh::controller
