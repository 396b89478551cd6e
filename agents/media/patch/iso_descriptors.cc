#include "agents/media/patch/iso_descriptors.h"

#include "agents/media/iso_record.h"

namespace metalmesh::media {
namespace {

constexpr std::uint64_t first_descriptor = 16;
constexpr std::uint64_t most_descriptors = 64;

bool is_joliet(std::string_view descriptor) {
  const std::string_view escapes = descriptor.substr(88, 3);
  return escapes == "%/@" || escapes == "%/C" || escapes == "%/E";
}

/// One descriptor of the ISO 9660 list.
Status take(std::string_view descriptor, std::uint64_t offset, IsoDescriptors& found) {
  const auto type = static_cast<std::uint8_t>(descriptor[0]);
  const auto version = static_cast<std::uint8_t>(descriptor[6]);
  switch (type) {
    case 0:
      if (descriptor.substr(7, 23) == "EL TORITO SPECIFICATION" && !found.boot_record)
        found.boot_record = offset;
      return {};
    case 1:
    case 2:
      if (little(descriptor, 128, 2) != iso_sector) {
        return fail(ErrorKind::unsupported, "logical blocks are not 2048 bytes");
      }
      if (type == 1) {
        found.primary.push_back(offset);
      } else if (version == 2) {
        return fail(ErrorKind::unsupported,
                    "the image has an ISO 9660:1999 tree (enhanced volume descriptor)");
      } else if (is_joliet(descriptor)) {
        found.joliet.push_back(offset);
      } else {
        return fail(ErrorKind::unsupported, "the image has a supplementary tree of an unknown kind");
      }
      return {};
    default:
      return fail(ErrorKind::unsupported,
                  "the image has a volume descriptor of an unknown type " + std::to_string(type));
  }
}

}  // namespace

Result<IsoDescriptors> read_iso_descriptors(BlockReader& image) {
  IsoDescriptors found;
  bool terminated = false;
  for (std::uint64_t sector = first_descriptor; sector < first_descriptor + most_descriptors; ++sector) {
    const std::uint64_t offset = sector * iso_sector;
    if (offset + iso_sector > image.size()) break;
    auto bytes = image.read(offset, iso_sector);
    if (!bytes) return std::unexpected(bytes.error());
    const std::string_view descriptor = *bytes;
    const std::string_view id = descriptor.substr(1, 5);
    if (id == "CD001" && !terminated) {
      if (static_cast<std::uint8_t>(descriptor[0]) == 255) {
        terminated = true;
      } else if (auto taken = take(descriptor, offset, found); !taken) {
        return std::unexpected(taken.error());
      }
    } else if (id == "NSR02" || id == "NSR03") {
      found.udf = true;
    } else if (id != "CD001" && id != "BEA01" && id != "BOOT2") {
      break;  // TEA01, or the end of all descriptors
    }
  }
  if (found.primary.empty() && !found.joliet.empty()) {
    return fail(ErrorKind::corrupt, "a Joliet tree without a primary one");
  }
  if (!found.primary.empty() && !terminated) {
    return fail(ErrorKind::corrupt, "the list of volume descriptors has no end");
  }
  if (found.joliet.size() > 1) return fail(ErrorKind::unsupported, "the image has several Joliet trees");
  if (found.primary.empty() && !found.udf) {
    return fail(ErrorKind::unsupported, "the image has neither an ISO 9660 nor a UDF file system");
  }
  return found;
}

}  // namespace metalmesh::media
