// Programmer errors stop the process, in release builds too: a node that is wrong about itself must
// not go on wiping disks.
#pragma once

#include <string_view>

namespace metalmesh {

/// How the line is said that ends the process; printed to stderr unless a program knows better. To be set before other
/// threads run.
using LastWords = void (*)(std::string_view line);
void say_last_words_by(LastWords how);

[[noreturn]] void check_failed(std::string_view condition, std::string_view file, int line);

}  // namespace metalmesh

#define MM_CHECK(condition) \
  (static_cast<bool>(condition) ? void() : ::metalmesh::check_failed(#condition, __FILE__, __LINE__))
