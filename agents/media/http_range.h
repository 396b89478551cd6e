// The Range and If-Range fields of RFC 9110 (13.1.5, 14). Several ranges are answered as one when they
// touch or overlap; otherwise the field is ignored, as 14.2 allows, because no BMC asks for multipart.
#pragma once

#include <optional>
#include <string_view>
#include <variant>

#include "agents/media/byte_range.h"

namespace metalmesh::media {

struct WholeContent {
  bool operator==(const WholeContent&) const = default;
};
struct Unsatisfiable {
  bool operator==(const Unsatisfiable&) const = default;
};
/// 200, 206 or 416.
using RangeChoice = std::variant<WholeContent, ByteRange, Unsatisfiable>;

/// `range` and `if_range` are the field values, if present; `etag` is the strong validator of the content.
RangeChoice choose_range(std::optional<std::string_view> range, std::optional<std::string_view> if_range,
                         std::string_view etag, std::uint64_t size);

}  // namespace metalmesh::media
