// Personalities from disk: recorded trees, captures, and the data files that say how such a BMC behaves.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "tests/bmcsim/model/personality.h"

namespace metalmesh::bmcsim {

/// $METALMESH_RECORDED_TREES, else ../shared/redfish-mockups beside the checkout. It need not be there: the trees are
/// no part of this repository.
std::filesystem::path recorded_trees();

/// Adds a folder of `<path>/index.json` files as DMTF's mockups have them, or a file with the lines of a capture or
/// of a transcript. Kinds: not_found, invalid.
Status add_recorded(RecordedTree& tree, const std::filesystem::path& from);
/// The data file, and the tree that it names below `trees`. Kinds: not_found (the tree), invalid.
Result<std::shared_ptr<const Personality>> load_personality(const std::filesystem::path& file,
                                                            const std::filesystem::path& trees);
/// All of tests/bmcsim/personalities, by name.
std::vector<std::filesystem::path> personality_files();

}  // namespace metalmesh::bmcsim
