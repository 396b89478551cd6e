#include "common/text/visible.h"

#include <cstdint>

#include "common/text/utf8.h"

namespace metalmesh {
namespace {

std::uint32_t point_of(std::string_view letter) {
  if (letter.size() == 1) return static_cast<unsigned char>(letter[0]);
  std::uint32_t point = static_cast<unsigned char>(letter[0]) & (0x7FU >> letter.size());
  for (const char c : letter.substr(1)) point = point << 6U | (static_cast<unsigned char>(c) & 0x3FU);
  return point;
}

bool moves_something(std::uint32_t point) {
  return (point < 0x20 && point != '\n' && point != '\t') || (point >= 0x7F && point < 0xA0) ||
         point == 0x061C || (point >= 0x200E && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
         (point >= 0x2066 && point <= 0x2069);
}

}  // namespace

std::string visible(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view letter = text.substr(0, length == 0 ? 1 : length);
    text.remove_prefix(letter.size());
    const std::uint32_t point = length == 0 ? 0xFFFD : point_of(letter);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (moves_something(point)) {
      out += "\\u";
      for (unsigned shift = 16; shift > 0; shift -= 4) out.push_back(digits[point >> (shift - 4) & 0xFU]);
    } else {
      out += letter;
    }
  }
  return out;
}

}  // namespace metalmesh
