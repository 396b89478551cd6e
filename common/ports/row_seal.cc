#include "common/ports/row_seal.h"

#include <cstdint>

#include "common/base/crc32c.h"
#include "common/ports/row_key_search.h"
#include "common/text/letters.h"

namespace metalmesh {
namespace {

constexpr std::size_t sum_bytes = 4;
constexpr std::size_t seal_bytes = 2 * sum_bytes;

void append_sum(std::string& to, std::uint32_t sum) {
  for (std::size_t i = 0; i < sum_bytes; ++i, sum >>= 8U) to.push_back(static_cast<char>(sum & 0xffU));
}

std::uint32_t sum_at(std::string_view bytes, std::size_t at) {
  std::uint32_t sum = 0;
  for (std::size_t i = sum_bytes; i-- > 0;) sum = sum << 8U | static_cast<unsigned char>(bytes[at + i]);
  return sum;
}

/// The length of the key is in it: what moves from the end of a key to the front of a value is noticed.
std::uint32_t sum_with_key(std::string_view key, std::uint32_t sum_of_value) {
  std::string head;
  append_sum(head, static_cast<std::uint32_t>(key.size()));
  append_sum(head, sum_of_value);
  return crc32c(key, crc32c(head));
}

}  // namespace

std::string seal_row(std::string_view key, std::string_view value) {
  std::string stored;
  stored.reserve(value.size() + seal_bytes);
  stored = value;
  const std::uint32_t sum = crc32c(value);
  append_sum(stored, sum);
  append_sum(stored, sum_with_key(key, sum));
  return stored;
}

std::expected<std::string, RowDamage> unseal_row(std::string_view key, std::string stored) {
  if (stored.size() < seal_bytes) return std::unexpected(RowDamage{std::move(stored), false});
  const std::size_t size = stored.size() - seal_bytes;
  const std::uint32_t sum = crc32c(std::string_view(stored).substr(0, size));
  const bool whole = sum == sum_at(stored, size);
  const bool in_place = sum_with_key(key, sum) == sum_at(stored, size + sum_bytes);
  stored.resize(size);
  if (whole && in_place) return stored;
  return std::unexpected(RowDamage{std::move(stored), whole});
}

std::optional<std::string> key_written_under(std::string_view key, std::string_view stored) {
  if (stored.size() < seal_bytes) return std::nullopt;
  const std::size_t size = stored.size() - seal_bytes;
  const std::uint32_t sum = crc32c(stored.substr(0, size));
  const std::uint32_t with_key = sum_at(stored, size + sum_bytes);
  if (sum != sum_at(stored, size) || sum_with_key(key, sum) == with_key) return std::nullopt;
  std::string candidate(key);
  for (char& byte : candidate) {
    const char found = byte;
    for (int other = 0; other < 256; ++other) {
      byte = static_cast<char>(other);
      if (sum_with_key(candidate, sum) == with_key) return candidate;
    }
    byte = found;
  }
  return std::nullopt;
}

std::string printable_key(std::string_view key) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_letter(c) || is_digit(c) || std::string_view("/._:@+-").find(c) != std::string_view::npos) {
      text.push_back(c);
    } else {
      text += {'%', digits[byte >> 4U], digits[byte & 0xfU]};
    }
  }
  return text;
}

std::optional<std::string> key_of_printable(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string key;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      key.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0) return std::nullopt;
    key.push_back(static_cast<char>(digit(text[i + 1]) << 4 | digit(text[i + 2])));
    i += 2;
  }
  return key;
}

Error damaged_row(std::string_view key, const RowDamage& damage) {
  return {ErrorKind::corrupt,
          "row " + printable_key(key) +
              (damage.value_whole ? " does not lie where it was written: its key is damaged, or it was moved"
                                  : " is damaged: it has not the bytes that were written")};
}

}  // namespace metalmesh
