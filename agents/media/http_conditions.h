// The preconditions of RFC 9110 (13) that a server without dates has: If-Match and If-None-Match. If-Range is
// a matter of ranges (http_range.h). Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/ports/http_client.h"

namespace metalmesh::media {

enum class Condition {
  met,
  failed,        // 412
  not_modified,  // 304
};

/// `headers` with names in lower case, `etag` strong and quoted, of what a GET or HEAD would be answered
/// with.
Condition check_conditions(const Headers& headers, std::string_view etag);

}  // namespace metalmesh::media
