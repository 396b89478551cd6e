// What a BMC or an installer sends to the media server, and a stranger to the API: heads, ranges and targets.
#include <cstdint>
#include <string>
#include <variant>

#include "agents/media/http_range.h"
#include "agents/media/http_request_head.h"
#include "agents/media/mount_url.h"
#include "common/text/percent.h"
#include "controller/api/request_target.h"
#include "controller/api/routes.h"
#include "tests/fuzz/invariant.h"

namespace metalmesh {
namespace {

void check_range(std::string_view field, std::string_view if_range, std::uint64_t size) {
  const auto choice =
      media::choose_range(field, if_range.empty() ? std::nullopt : std::optional(if_range), "\"tag\"", size);
  const auto inside = [&](const media::ByteRange& range) {
    return range.length > 0 && range.offset < size && range.length <= size - range.offset;
  };
  if (const auto* range = std::get_if<media::ByteRange>(&choice)) MM_CLAIM(inside(*range));
  if (const auto* several = std::get_if<media::SeveralRanges>(&choice)) {
    MM_CLAIM(several->size() > 1);
    for (const media::ByteRange& range : *several) MM_CLAIM(inside(range));
  }
}

void check_target(const std::string& text) {
  if (const auto target = media::parse_media_target(text)) MM_CLAIM(media::is_token(target->token));
  const auto parsed = controller::parse_target(text);
  if (!parsed) return;
  for (const std::string_view method : {"GET", "PUT", "POST", "DELETE"}) {
    const auto found = controller::match_route(method, parsed->segments);
    const auto* match = std::get_if<controller::Matched>(&found);
    if (match == nullptr) continue;
    for (const std::string& capture : match->captures) {
      MM_CLAIM(!capture.empty());
      const auto again = controller::parse_target("/" + percent_encode(capture));
      MM_CLAIM(again && again->segments.size() == 1 && again->segments[0] == capture);
    }
  }
}

}  // namespace
}  // namespace metalmesh

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace metalmesh;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto head = media::parse_request_head(text);
  if (head && *head) {
    const media::HttpRequestHead& request = **head;
    MM_CLAIM(request.size <= text.size() && request.size <= media::most_head_bytes);
    MM_CLAIM(request.headers.size() <= media::most_head_fields);
    // Whatever is read after the head belongs to the next request: the head alone must say the same.
    const auto alone = media::parse_request_head(std::string_view(text).substr(0, request.size));
    MM_CLAIM(alone && *alone && (*alone)->size == request.size && (*alone)->path == request.path);
    check_range(request.header("range").value_or(""), request.header("if-range").value_or(""), 1U << 20);
    check_target(request.path);
  }
  for (const std::uint64_t length :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4096}, std::uint64_t{1} << 40})
    check_range(text, "", length);
  check_target(text);
  return 0;
}
