#include "tests/bmcsim/gzip.h"

#include <boost/crc.hpp>
#include <cstdint>

namespace metalmesh::bmcsim {
namespace {

constexpr std::size_t longest_block = 0xffff;

void little_endian(std::string& out, std::uint32_t value, int bytes) {
  for (; bytes > 0; --bytes, value >>= 8) out += static_cast<char>(value & 0xff);
}

}  // namespace

std::string gzip(std::string_view text) {
  boost::crc_32_type crc;
  crc.process_bytes(text.data(), text.size());
  const auto size = static_cast<std::uint32_t>(text.size());
  std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  do {
    const std::string_view block = text.substr(0, longest_block);
    text.remove_prefix(block.size());
    const auto length = static_cast<std::uint32_t>(block.size());
    out += text.empty() ? '\1' : '\0';
    little_endian(out, length, 2);
    little_endian(out, ~length, 2);
    out += block;
  } while (!text.empty());
  little_endian(out, crc.checksum(), 4);
  little_endian(out, size, 4);
  return out;
}

}  // namespace metalmesh::bmcsim
