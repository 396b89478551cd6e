#include "agents/media/rock_ridge.h"

#include <algorithm>

#include "agents/media/iso9660.h"

namespace metalmesh::media {
namespace {

constexpr int most_continuations = 16;
constexpr std::size_t most_name = 1024;
constexpr std::size_t most_target = 4096;

/// The components of one SL field (Rock Ridge, 4.1.3). `joined`: the next one continues the last.
void append_target(std::string_view field, std::string& target, bool& joined) {
  constexpr unsigned continues = 1;
  constexpr unsigned current = 2;
  constexpr unsigned parent = 4;
  constexpr unsigned root = 8;
  std::string_view rest = field.substr(std::min<std::size_t>(5, field.size()));
  while (rest.size() >= 2) {
    const auto flags = static_cast<std::uint8_t>(rest[0]);
    const auto length = static_cast<std::uint8_t>(rest[1]);
    if (length > rest.size() - 2) return;
    if ((flags & root) != 0) {
      target = "/";
      joined = true;
    } else {
      if (!joined) target += '/';
      if ((flags & current) != 0) target += '.';
      if ((flags & parent) != 0) target += "..";
      target += rest.substr(2, length);
      joined = (flags & continues) != 0;
    }
    rest.remove_prefix(2U + length);
  }
}

}  // namespace

std::optional<std::size_t> susp_skip_of(std::string_view root_system_use) {
  // "SP" 7 1 0xBE 0xEF skip; CD-ROM XA discs put 14 bytes of their own in front.
  for (const std::size_t at : {std::size_t{0}, std::size_t{14}}) {
    if (root_system_use.size() < at + 7) continue;
    const std::string_view field = root_system_use.substr(at, 7);
    if (field.starts_with("SP") && field.substr(4, 2) == "\xbe\xef")
      return static_cast<std::uint8_t>(field[6]);
  }
  return std::nullopt;
}

Result<RockRidge> read_rock_ridge(BlockReader& image, std::string_view system_use, std::size_t skip) {
  RockRidge found;
  bool target_joined = true;
  std::string area(system_use.size() > skip ? system_use.substr(skip) : std::string_view());
  for (int hop = 0; !area.empty(); ++hop) {
    if (hop > most_continuations) return fail(ErrorKind::corrupt, "system use areas continue without end");
    std::optional<ByteRange> next;
    for (std::string_view rest = area; rest.size() >= 4;) {
      const auto length = static_cast<std::uint8_t>(rest[2]);
      if (length < 4 || length > rest.size()) break;  // padding, or what is not SUSP
      const std::string_view field = rest.substr(0, length);
      const std::string_view tag = field.substr(0, 2);
      if (tag == "ST") break;
      if (tag == "NM" && length >= 5 && (field[4] & 0x06) == 0) {  // not "." and ".."
        found.name += field.substr(5);
        if (found.name.size() > most_name) return fail(ErrorKind::corrupt, "a Rock Ridge name is too long");
      } else if (tag == "CL" && length >= 12) {
        found.child_sector = little32(field, 4);
      } else if (tag == "RE") {
        found.relocated = true;
      } else if (tag == "SL") {
        found.symbolic_link = true;
        append_target(field, found.link_target, target_joined);
        if (found.link_target.size() > most_target)
          return fail(ErrorKind::corrupt, "a symbolic link is too long");
      } else if (tag == "ZF" || tag == "SF") {
        found.transformed = true;
      } else if (tag == "PX") {
        found.mode_length = length;
      } else if (tag == "CE" && length >= 28) {
        next = ByteRange{little32(field, 4) * iso_sector + little32(field, 12), little32(field, 20)};
      }
      rest.remove_prefix(length);
    }
    area.clear();
    if (!next) break;
    if (next->length > 16 * iso_sector || next->offset > image.size() ||
        next->length > image.size() - next->offset) {
      return fail(ErrorKind::corrupt, "a system use area continues outside the image");
    }
    auto bytes = image.read(next->offset, next->length);
    if (!bytes) return std::unexpected(bytes.error());
    area = std::move(*bytes);
  }
  return found;
}

}  // namespace metalmesh::media
