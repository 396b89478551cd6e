// The Range and If-Range fields of RFC 9110 (13.1.5, 14). Ranges that touch or overlap become one, the others
// keep their order; a field that is invalid or names more than a few is ignored, as 14.2 allows.
#pragma once

#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "agents/media/byte_range.h"

namespace metalmesh::media {

struct WholeContent {
  bool operator==(const WholeContent&) const = default;
};
struct Unsatisfiable {
  bool operator==(const Unsatisfiable&) const = default;
};
/// More than one, in the order of the request and apart: multipart/byteranges.
using SeveralRanges = std::vector<ByteRange>;
/// 200, 206 or 416.
using RangeChoice = std::variant<WholeContent, ByteRange, SeveralRanges, Unsatisfiable>;

/// `range` and `if_range` are the field values, if present; `etag` is the strong validator of the content.
RangeChoice choose_range(std::optional<std::string_view> range, std::optional<std::string_view> if_range,
                         std::string_view etag, std::uint64_t size);

}  // namespace metalmesh::media
