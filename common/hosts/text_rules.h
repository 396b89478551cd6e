// What single words of a host may consist of. They end in files of many syntaxes, so the sets are narrow:
// what is not in them has no meaning to any installer.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "common/text/letters.h"
#include "common/text/utf8.h"

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
/// A name of a package, or what package managers write around one: groups (@x, @^x), globs, -x for "not this one".
inline bool is_package(std::string_view text) {
  constexpr std::string_view others = "_-+./@^:~*?[]";
  return consists_of(text, [=](char c) { return is_alnum(c) || others.find(c) != std::string_view::npos; });
}
/// UTF-8 without control characters other than newline and tab.
inline bool is_text(std::string_view text) {
  const bool clean = std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\n' || c == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
  return clean && is_utf8(text);
}
inline bool is_one_line(std::string_view text) {
  return is_text(text) && text.find('\n') == std::string_view::npos;
}
/// Installers that read sections take a line that begins with % for the end of a script, or for one of their own.
inline bool has_percent_line(std::string_view script) {
  for (std::size_t at = 0; at < script.size();) {
    const std::size_t end = std::min(script.find('\n', at), script.size());
    const std::size_t begin = std::min(script.find_first_not_of(" \t", at), script.size());
    if (begin < end && script[begin] == '%') return true;
    at = end + 1;
  }
  return false;
}
inline bool is_account(std::string_view text) {
  return text.size() <= 31 && !text.empty() && (is_lower(text.front()) || text.front() == '_') &&
         consists_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '-'; });
}
/// RFC 1123: labels of letters, digits and inner hyphens, at most 63 characters each.
inline bool is_hostname(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    const std::string_view label = text.substr(begin, end - begin);
    const bool fits =
        label.size() <= 63 && consists_of(label, [](char c) { return is_alnum(c) || c == '-'; });
    if (!fits || label.front() == '-' || label.back() == '-') return false;
    begin = end + 1;
  }
  return true;
}

inline std::string quoted(const std::string& value) { return "\"" + value.substr(0, 80) + "\""; }
inline std::string item(const std::string& list, int index) {
  return list + "[" + std::to_string(index) + "]";
}

}  // namespace metalmesh::hosts
