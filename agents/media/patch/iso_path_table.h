// The path tables of one tree (ECMA-119, 6.9, 9.4): every directory's place once more, in both byte orders
// and sometimes in two copies. They follow directories that moved; a new directory means new tables.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agents/media/patch/canvas.h"
#include "agents/media/patch/iso_names.h"

namespace metalmesh::media {

struct FreshDirectory {
  std::uint64_t sector = 0;
  std::uint64_t parent_sector = 0;  // as it is after all moves
  std::string identifier;
};

/// `descriptor` is the offset of the tree's volume descriptor, `moved` maps old sectors to new ones, `fresh`
/// lists parents before their children. Errors: corrupt, exhausted (too many directories).
Status patch_path_tables(Canvas& canvas, std::uint64_t descriptor, IsoNaming naming,
                         const std::map<std::uint64_t, std::uint64_t>& moved,
                         const std::vector<FreshDirectory>& fresh);

}  // namespace metalmesh::media
