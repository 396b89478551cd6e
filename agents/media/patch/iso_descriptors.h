// The volume descriptors of an image as a patcher sees them: which trees there are, and whether all of them
// are known. A tree that would be left behind unpatched is a reason to refuse.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agents/media/block_reader.h"
#include "common/base/result.h"

namespace metalmesh::media {

struct IsoDescriptors {
  std::vector<std::uint64_t> primary;  // offsets; the first one counts, others are its copies
  std::vector<std::uint64_t> joliet;
  std::optional<std::uint64_t> boot_record;  // El Torito
  bool udf = false;                          // a UDF file system is announced
};

/// Empty lists: no ISO 9660 here (a plain UDF image). Errors: corrupt, unsupported (unknown or enhanced
/// descriptors, other block sizes), or those of the device.
Result<IsoDescriptors> read_iso_descriptors(BlockReader& image);

}  // namespace metalmesh::media
