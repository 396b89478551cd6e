// What single words of a host may consist of. They end in files of many syntaxes, so the sets are narrow:
// what is not in them has no meaning to any installer.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "common/text/letters.h"

namespace metalmesh::hosts {

template <class Allowed>
bool consists_of(std::string_view text, Allowed allowed) {
  return !text.empty() && std::ranges::all_of(text, allowed);
}

inline bool is_hex(std::string_view text) {
  return consists_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}
inline bool is_one_visible_word(std::string_view text) {
  return consists_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\'' && c != '\\'; });
}
inline bool is_plain_word(std::string_view text) {
  constexpr std::string_view others = "_-+./@^:";
  return consists_of(text, [=](char c) { return is_alnum(c) || others.find(c) != std::string_view::npos; });
}
/// UTF-8 passes; control characters other than newline and tab do not.
inline bool is_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\n' || c == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}
inline bool is_one_line(std::string_view text) {
  return is_text(text) && text.find('\n') == std::string_view::npos;
}
inline bool is_account(std::string_view text) {
  return text.size() <= 31 && !text.empty() && (is_lower(text.front()) || text.front() == '_') &&
         consists_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '-'; });
}
inline bool is_hostname(std::string_view text) {
  return text.size() <= 253 && !text.empty() && is_alnum(text.front()) && is_alnum(text.back()) &&
         text.find("..") == std::string_view::npos &&
         consists_of(text, [](char c) { return is_alnum(c) || c == '-' || c == '.'; });
}

inline std::string quoted(const std::string& value) { return "\"" + value.substr(0, 80) + "\""; }
inline std::string item(const std::string& list, int index) {
  return list + "[" + std::to_string(index) + "]";
}

}  // namespace metalmesh::hosts
