#include "common/text/percent.h"

#include "common/text/hex.h"
#include "common/text/letters.h"

namespace metalmesh {

std::string percent_encode(std::string_view text, std::string_view also_plain) {
  constexpr std::string_view unreserved = "-._~";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_alnum(c) || unreserved.contains(c) || also_plain.contains(c)) {
      out += c;
    } else {
      out += '%';
      out += to_upper(to_hex({&c, 1}));
    }
  }
  return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    if (at + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[at + 1]);
    const int low = hex_value(text[at + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return out;
}

}  // namespace metalmesh
