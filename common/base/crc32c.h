// CRC-32C (Castagnoli): finds every damage of up to 32 bits in a row and nearly all others. No protection
// against anybody who means it.
#pragma once

#include <cstdint>
#include <string_view>

namespace metalmesh {

/// Goes on from `before`: crc32c(b, crc32c(a)) is the sum over a and b.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace metalmesh
