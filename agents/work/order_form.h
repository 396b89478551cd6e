// What fields of an order must look like.
#pragma once

#include <algorithm>
#include <string_view>

#include "common/text/letters.h"

namespace metalmesh::work {

inline constexpr std::size_t name_limit = 200;

/// Names become row keys, request ids and log fields.
inline bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= name_limit &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

/// A SHA-256 in hex.
inline bool is_digest(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) { return is_lower_hex(c); });
}

}  // namespace metalmesh::work
