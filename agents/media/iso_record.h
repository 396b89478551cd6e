// One directory record (ECMA-119, 9.1) and the numbers inside ISO 9660 structures. The views of a parsed
// record point into the bytes that were parsed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agents/media/byte_range.h"
#include "common/base/result.h"

namespace metalmesh::media {

inline constexpr std::uint64_t iso_sector = 2048;
inline constexpr std::size_t smallest_iso_record = 34;

/// Little-endian numbers at `at`; the caller has checked the bounds.
inline std::uint64_t little(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = width; i-- > 0;) value = value << 8U | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}
inline std::uint64_t little32(std::string_view bytes, std::size_t at) { return little(bytes, at, 4); }

struct IsoRecord {
  ByteRange extent;  // behind an extended attribute record, if there is one
  bool directory = false;
  bool more_extents = false;
  std::string_view name;        // raw identifier
  std::string_view system_use;  // SUSP area
};

/// `bytes` is the record alone. Errors: corrupt, unsupported (interleaved files).
Result<IsoRecord> parse_iso_record(std::string_view bytes);

/// The identifiers of "." and "..".
inline bool is_self_or_parent(std::string_view raw) {
  return raw.size() == 1 && (raw[0] == '\0' || raw[0] == '\1');
}

/// Without version and trailing dot.
std::string plain_iso_name(std::string_view raw);

}  // namespace metalmesh::media
