// Texts in all that people, editors and other systems make of letters and line ends.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "common/base/random.h"

namespace metalmesh {

/// A short one, by chance: much is plain, some is no UTF-8.
inline std::string odd_text(Random& random) {
  static const std::vector<std::string> pieces = {"a",
                                                  "Z",
                                                  " ",
                                                  "  ",
                                                  "\n",
                                                  "\n\n",
                                                  "\t",
                                                  "#",
                                                  ":",
                                                  "- ",
                                                  "'",
                                                  "\"",
                                                  "\\",
                                                  "%",
                                                  "\xC3\xBC",
                                                  "\xE6\x9D\xB1",
                                                  "\xF0\x9F\x98\x80",
                                                  "\xEF\xBB\xBF",
                                                  "\r\n",
                                                  "\r",
                                                  std::string(1, '\0'),
                                                  "\xE9",
                                                  "\xFC",
                                                  "\xFF\xFE",
                                                  std::string("h\0e\0", 4),
                                                  "\xC3",
                                                  "\xC2\x85",
                                                  "\xE2\x80\xA8",
                                                  "\x7F",
                                                  "\x1B[1m",
                                                  "\xED\xA0\x80"};
  // Mostly what is plain, so that whole texts of every sort come up.
  const std::size_t all = random.next() % 3 == 0 ? pieces.size() : 17;
  std::string out;
  for (std::size_t left = random.next() % 12; left > 0; --left) out += pieces[random.next() % all];
  return out;
}

/// Between quotes of JSON, and of YAML; other bytes stay as they are.
inline std::string json_escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += std::string("\\") + c;
    } else if (byte < ' ' || byte == 0x7F) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace metalmesh
