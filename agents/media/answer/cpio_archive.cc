#include "agents/media/answer/cpio_archive.h"

#include <array>
#include <cstdint>

namespace metalmesh::media {
namespace {

void pad_to_four(std::string& out) { out.append((4 - out.size() % 4) % 4, '\0'); }

void add_member(std::string& out, std::string_view name, std::uint64_t mode, std::string_view content) {
  constexpr std::string_view digits = "0123456789abcdef";
  const std::array<std::uint64_t, 13> fields = {
      0, mode, 0, 0, 1, 0, content.size(), 0, 0, 0, 0, name.size() + 1, 0};  // ino ... namesize, check
  out += "070701";
  for (const std::uint64_t field : fields) {
    for (int shift = 28; shift >= 0; shift -= 4) out += digits[field >> static_cast<unsigned>(shift) & 15U];
  }
  out += name;
  out += '\0';
  pad_to_four(out);
  out += content;
  pad_to_four(out);
}

}  // namespace

std::string cpio_of_one_file(std::string_view name, std::string_view content) {
  constexpr std::uint64_t directory_0755 = 0040755;
  constexpr std::uint64_t regular_0600 = 0100600;
  constexpr std::size_t block = 512;
  std::string out;
  // Linux makes no directory that the archive does not name, and says nothing about a file that has none.
  for (std::size_t at = name.find('/'); at != std::string_view::npos; at = name.find('/', at + 1))
    add_member(out, name.substr(0, at), directory_0755, {});
  add_member(out, name, regular_0600, content);
  add_member(out, "TRAILER!!!", 0, {});
  out.append((block - out.size() % block) % block, '\0');
  return out;
}

}  // namespace metalmesh::media
