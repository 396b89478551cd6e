// The System Use fields of one directory record (SUSP 1.12, Rock Ridge 1.12): the long name, and where
// deep directories were moved to. Continuation areas are followed a bounded number of times.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agents/media/block_reader.h"
#include "common/base/result.h"

namespace metalmesh::media {

struct RockRidge {
  std::string name;                           // NM; empty: none
  std::optional<std::uint64_t> child_sector;  // CL: this "file" is a directory that lives there
  bool relocated = false;                     // RE: this directory is listed elsewhere through a CL
  bool symbolic_link = false;                 // SL
  std::string link_target;                    // as it is stored, ".." and all
  bool transformed = false;                   // ZF, SF: the extent is not the file's plain content
  std::size_t mode_length = 0;                // of the PX field, which grew between versions; 0: none
};

/// The bytes to skip in every system use area, from the root's own record; nothing: SUSP is not in use.
std::optional<std::size_t> susp_skip_of(std::string_view root_system_use);

Result<RockRidge> read_rock_ridge(BlockReader& image, std::string_view system_use, std::size_t skip);

}  // namespace metalmesh::media
