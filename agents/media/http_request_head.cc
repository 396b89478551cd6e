#include "agents/media/http_request_head.h"

#include <algorithm>
#include <charconv>

#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

bool is_token_text(std::string_view text) {
  constexpr std::string_view extra = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alnum(c) || extra.find(c) != std::string_view::npos;
  });
}

bool is_clean(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u < 0x20 && c != '\t') || u == 0x7f;
  });
}

/// Cuts the next line (without its end) off `rest`; nothing when there is no line end yet.
std::optional<std::string_view> next_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view line = rest.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  rest.remove_prefix(end + 1);
  return line;
}

std::optional<std::string> path_of(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!to_lower(target.substr(0, scheme.size())).starts_with(scheme)) continue;
    const std::size_t slash = target.find('/', scheme.size());
    return slash == std::string_view::npos ? std::string("/") : std::string(target.substr(slash));
  }
  if (!target.starts_with('/')) return std::nullopt;
  return std::string(target);
}

Status parse_request_line(std::string_view line, HttpRequestHead& head, bool& http10) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return fail(ErrorKind::invalid, "malformed request line");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token_text(method) || method.size() > 16) return fail(ErrorKind::invalid, "malformed method");
  if (!version.starts_with("HTTP/")) return fail(ErrorKind::invalid, "malformed HTTP version");
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return fail(ErrorKind::unsupported, "only HTTP/1.0 and 1.1");
  auto path = path_of(target);
  if (!path || !is_clean(target) || target.find(' ') != std::string_view::npos) {
    return fail(ErrorKind::invalid, "malformed request target");
  }
  head.method = method;
  head.path = std::move(*path);
  http10 = version == "HTTP/1.0";
  return {};
}

Status parse_field(std::string_view line, HttpRequestHead& head) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token_text(line.substr(0, colon))) {
    return fail(ErrorKind::invalid, "malformed or folded header field");
  }
  const std::string_view value = trimmed(line.substr(colon + 1), " \t");
  if (!is_clean(value)) return fail(ErrorKind::invalid, "control character in a header field");
  if (head.headers.size() == most_head_fields) return fail(ErrorKind::exhausted, "too many header fields");
  head.headers.emplace_back(to_lower(line.substr(0, colon)), std::string(value));
  return {};
}

Status interpret(HttpRequestHead& head, bool http10) {
  head.keep_alive = !http10;
  bool length_seen = false;
  for (const auto& [name, value] : head.headers) {
    if (name == "connection") {
      const std::string options = to_lower(value);
      if (options.find("close") != std::string::npos) head.keep_alive = false;
      if (http10 && options.find("keep-alive") != std::string::npos) head.keep_alive = true;
    } else if (name == "transfer-encoding") {
      return fail(ErrorKind::unsupported, "transfer codings are not supported");
    } else if (name == "content-length") {
      std::uint64_t length = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
      if (error != std::errc() || end != value.data() + value.size() ||
          (length_seen && length != head.content_length)) {
        return fail(ErrorKind::invalid, "malformed or conflicting Content-Length");
      }
      head.content_length = length;
      length_seen = true;
    }
  }
  return {};
}

}  // namespace

std::optional<std::string_view> find_header(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> HttpRequestHead::header(std::string_view name) const {
  return find_header(headers, name);
}

Result<std::optional<HttpRequestHead>> parse_request_head(std::string_view buffer) {
  const auto incomplete = [&]() -> Result<std::optional<HttpRequestHead>> {
    if (buffer.size() >= most_head_bytes) return fail(ErrorKind::exhausted, "request head is too long");
    return std::nullopt;
  };
  HttpRequestHead head;
  bool http10 = false;
  bool line_seen = false;
  std::string_view rest = buffer.substr(0, most_head_bytes);
  while (auto line = next_line(rest)) {
    if (line->empty() && !line_seen) continue;  // RFC 9112 2.2: ignore empty lines before a request
    if (line->empty()) {
      if (auto meaning = interpret(head, http10); !meaning) return std::unexpected(meaning.error());
      head.size = std::min(buffer.size(), most_head_bytes) - rest.size();
      return head;
    }
    const Status parsed = line_seen ? parse_field(*line, head) : parse_request_line(*line, head, http10);
    if (!parsed) return std::unexpected(parsed.error());
    line_seen = true;
  }
  return incomplete();
}

}  // namespace metalmesh::media
