// JSON as a tree of strings, each with the type that JSON gives it. Strict: no comments, no trailing commas,
// no duplicate keys, UTF-8 only; depth, size and number of values are bounded.
#pragma once

#include <string_view>

#include "common/text/filler/text_node.h"

namespace metalmesh {

inline constexpr std::size_t json_bytes_most = 1U << 20;
inline constexpr std::size_t json_depth_most = 24;

/// What is wrong with a JSON text.
struct JsonFault {
  std::string field;    // a key that is given twice; otherwise empty
  std::string message;  // begins with the name that the text was given
  std::string next;     // may be empty
};

/// Exactly one value. `name` is what messages call the text: "the body".
std::expected<TextNode, JsonFault> parse_json(std::string_view text, std::string_view name);

}  // namespace metalmesh
