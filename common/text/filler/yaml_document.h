// YAML as a tree of strings with places. Anchors, aliases, tags and duplicate keys are refused; depth, size
// and number of nodes are bounded. JSON is accepted as the subset it is.
#pragma once

#include <string_view>
#include <vector>

#include "common/text/filler/text_node.h"

namespace metalmesh {

/// Every document of the stream, empty ones left out. Errors read `name:line:column: what is wrong`.
Result<std::vector<TextNode>> parse_yaml(std::string_view text, std::string_view name);

}  // namespace metalmesh
