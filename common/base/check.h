// Programmer errors stop the process, in release builds too: a node that is wrong about itself must
// not go on wiping disks.
#pragma once

#include <string_view>

namespace metalmesh {

[[noreturn]] void check_failed(std::string_view condition, std::string_view file, int line);

}  // namespace metalmesh

#define MM_CHECK(condition) \
  (static_cast<bool>(condition) ? void() : ::metalmesh::check_failed(#condition, __FILE__, __LINE__))
