// Request line and header fields of HTTP/1.0 and 1.1 (RFC 9112), parsed from a growing buffer within
// fixed bounds. Lenient where BMCs are sloppy (bare LF, no Host), strict where leniency smuggles
// (folded lines, conflicting lengths, transfer codings).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/ports/http_client.h"

namespace metalmesh::media {

inline constexpr std::size_t most_head_bytes = 8 * 1024;
inline constexpr std::size_t most_head_fields = 64;

struct HttpRequestHead {
  std::string method;
  std::string path;  // an absolute-form target is reduced to its path
  Headers headers;   // names in lower case, values trimmed
  bool keep_alive = true;
  std::uint64_t content_length = 0;
  std::size_t size = 0;  // bytes of the head in the buffer

  /// The first value of `name` (lower case), or nothing.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

/// nullopt: incomplete, read on. Errors: invalid (400), exhausted (431), unsupported (501 or 505).
Result<std::optional<HttpRequestHead>> parse_request_head(std::string_view buffer);

/// The first value of `name` (lower case), or nothing.
std::optional<std::string_view> find_header(const Headers& headers, std::string_view name);

}  // namespace metalmesh::media
