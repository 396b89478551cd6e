// The request line's target as values: path segments and query parameters, percent-decoded.
//
// Segments are split before decoding, so an encoded slash stays inside a name and can never reach another
// route. Control characters, invalid escapes and invalid UTF-8 are refused, as are repeated parameters.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace metalmesh::controller {

struct RequestTarget {
  std::string path;                   // as sent, without the query
  std::vector<std::string> segments;  // "/a/b" is {"a", "b"}; "/a/" is {"a", ""}
  std::map<std::string, std::string> query;
};

Result<RequestTarget> parse_target(std::string_view target);

}  // namespace metalmesh::controller
