#include "controller/cli/sse_parser.h"

#include <algorithm>
#include <utility>

namespace metalmesh::cli {
namespace {

constexpr std::size_t line_limit = std::size_t{1} << 20;

}  // namespace

std::vector<SseMessage> SseParser::feed(std::string_view bytes) {
  std::vector<SseMessage> out;
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    // A line that never ends must not take all memory; what is beyond the limit is dropped.
    pending_ += bytes.substr(0, end).substr(0, line_limit - std::min(line_limit, pending_.size()));
    if (end == std::string_view::npos) return out;
    bytes.remove_prefix(end + 1);
    std::string line = std::exchange(pending_, {});
    if (line.ends_with('\r')) line.pop_back();
    take_line(line, out);
  }
  return out;
}

void SseParser::take_line(std::string_view line, std::vector<SseMessage>& out) {
  if (line.empty()) {
    if (!message_.id.empty()) last_id_ = message_.id;
    if (has_data_) {
      if (message_.event.empty()) message_.event = "message";
      out.push_back(std::move(message_));
    }
    message_ = {};
    has_data_ = false;
    return;
  }
  const auto colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "id") {
    message_.id = value;
  } else if (field == "event") {
    message_.event = value;
  } else if (field == "data") {
    if (has_data_) message_.data += '\n';
    message_.data += value;
    has_data_ = true;
  }
}

}  // namespace metalmesh::cli
