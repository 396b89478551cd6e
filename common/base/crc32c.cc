#include "common/base/crc32c.h"

#include <array>
#include <cstddef>

namespace metalmesh {
namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;  // reflected
constexpr std::size_t lanes = 8;

using Table = std::array<std::array<std::uint32_t, 256>, lanes>;

/// tables[n][b]: what byte b does to the sum when n more bytes follow it.
constexpr Table make_tables() {
  Table tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t sum = byte;
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1U) ^ ((sum & 1U) != 0 ? polynomial : 0);
    tables[0][byte] = sum;
  }
  for (std::size_t lane = 1; lane < lanes; ++lane) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t sum = tables[lane - 1][byte];
      tables[lane][byte] = (sum >> 8U) ^ tables[0][sum & 0xffU];
    }
  }
  return tables;
}

constexpr Table tables = make_tables();

std::uint32_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  std::uint32_t sum = ~before;
  while (bytes.size() >= lanes) {
    sum ^= byte_at(bytes, 0) | byte_at(bytes, 1) << 8U | byte_at(bytes, 2) << 16U | byte_at(bytes, 3) << 24U;
    sum = tables[7][sum & 0xffU] ^ tables[6][sum >> 8U & 0xffU] ^ tables[5][sum >> 16U & 0xffU] ^
          tables[4][sum >> 24U] ^ tables[3][byte_at(bytes, 4)] ^ tables[2][byte_at(bytes, 5)] ^
          tables[1][byte_at(bytes, 6)] ^ tables[0][byte_at(bytes, 7)];
    bytes.remove_prefix(lanes);
  }
  for (const char byte : bytes)
    sum = (sum >> 8U) ^ tables[0][(sum ^ static_cast<unsigned char>(byte)) & 0xffU];
  return ~sum;
}

}  // namespace metalmesh
