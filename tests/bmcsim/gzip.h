// Bodies as gzip, for BMCs that compress.
#pragma once

#include <string>
#include <string_view>

namespace metalmesh::bmcsim {

/// A gzip stream of stored blocks: what any client must unpack, without a library.
std::string gzip(std::string_view text);

}  // namespace metalmesh::bmcsim
