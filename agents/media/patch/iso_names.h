// How a file of the medium is called in the different trees of one image, and the bytes of new records there.
//
// Changes carry plain ASCII paths, so that every tree can hold them: Rock Ridge as they are, Joliet in UCS-2,
// the plain tree as upper-case 8.3 names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace metalmesh::media {

enum class IsoNaming { rock_ridge, joliet, plain };

/// The components of "/EFI/BOOT/grub.cfg". Errors: invalid, with what is wrong with the path.
Result<std::vector<std::string>> split_media_path(std::string_view path);

/// UCS-2, big endian, as Joliet stores names; and back (what is not ASCII becomes '?').
std::string to_ucs2(std::string_view ascii);
std::string from_ucs2(std::string_view bytes);

/// What an 8.3 tree makes of a name: letters, digits and underscores, upper case. `attempt` > 0 gives other
/// names for when that one is taken.
std::string short_iso_name(std::string_view name, unsigned attempt = 0);

/// Numbers of ISO 9660 structures.
std::string little_bytes(std::uint64_t value, std::size_t width);
std::string big_bytes(std::uint64_t value, std::size_t width);
std::string both_bytes(std::uint64_t value, std::size_t width);  // little, then big

/// The order of ECMA-119, 9.3, for identifiers of one directory.
bool iso_name_before(std::string_view a, std::string_view b, IsoNaming naming);

struct NewRecord {
  std::string identifier;  // raw
  std::uint64_t sector = 0;
  std::uint64_t size = 0;
  bool directory = false;
  std::string recorded;  // the 7 bytes of a recording time
  std::string system_use;
};
/// Fails with `unsupported` when it would be longer than a record can be.
Result<std::string> make_iso_record(const NewRecord& record);

/// Rock Ridge fields of a new file or directory: mode, times, name. `mode_length` is 36 or 44, as the tree
/// has it; an empty name gives none (for "." and "..").
std::string make_rock_ridge(std::string_view name, bool directory, std::size_t mode_length,
                            std::uint64_t serial, const std::string& recorded);

}  // namespace metalmesh::media
