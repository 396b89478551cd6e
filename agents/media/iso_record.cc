#include "agents/media/iso_record.h"

namespace metalmesh::media {

Result<IsoRecord> parse_iso_record(std::string_view bytes) {
  if (bytes.size() < smallest_iso_record) return fail(ErrorKind::corrupt, "directory record is too short");
  IsoRecord record;
  const auto name_length = static_cast<std::uint8_t>(bytes[32]);
  const auto flags = static_cast<std::uint8_t>(bytes[25]);
  if (33U + name_length > bytes.size() || name_length == 0) {
    return fail(ErrorKind::corrupt, "directory record's name leaves the record");
  }
  if (bytes[26] != 0 || bytes[27] != 0) return fail(ErrorKind::unsupported, "interleaved file");
  const std::uint64_t attribute_sectors = static_cast<std::uint8_t>(bytes[1]);
  record.extent = {(little32(bytes, 2) + attribute_sectors) * iso_sector, little32(bytes, 10)};
  record.directory = (flags & 0x02) != 0;
  record.more_extents = (flags & 0x80) != 0;
  record.name = bytes.substr(33, name_length);
  const std::size_t use = 33U + name_length + (name_length % 2 == 0 ? 1 : 0);
  if (use < bytes.size()) record.system_use = bytes.substr(use);
  return record;
}

std::string plain_iso_name(std::string_view raw) {
  std::string_view name = raw.substr(0, raw.find(';'));
  if (name.ends_with('.')) name.remove_suffix(1);
  return std::string(name);
}

}  // namespace metalmesh::media
