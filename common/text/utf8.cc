#include "common/text/utf8.h"

#include <cstdint>

namespace metalmesh {

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  if (byte(0) < 0x80) return 1;
  const std::size_t length = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
  if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < length) return 0;
  std::uint32_t point = byte(0) & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    point = (point << 6) | (byte(i) & 0x3FU);
  }
  constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  return point >= smallest[length] && point <= 0x10FFFF && !surrogate ? length : 0;
}

std::size_t first_not_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

std::string valid_utf8(std::string text) {
  const std::size_t good = first_not_utf8(text);
  if (good == std::string_view::npos) return text;
  std::string out = text.substr(0, good);
  for (std::string_view rest = std::string_view(text).substr(good); !rest.empty();) {
    const std::size_t length = utf8_length(rest);
    out += length == 0 ? "\xEF\xBF\xBD" : rest.substr(0, length);
    rest.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

Utf8 Utf8::cut(std::size_t bytes) const& {
  if (!longer_than(bytes)) return *this;
  while (bytes > 0 && (static_cast<std::uint8_t>(text_[bytes]) & 0xC0U) == 0x80U) --bytes;
  Utf8 out;
  out.text_ = text_.substr(0, bytes);
  return out;
}

}  // namespace metalmesh
