// Under which key a row was written, should one byte of its key have rotted: the checksum over key and value proves it
// (row_seal.cc).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace metalmesh {

/// `stored` is the value with its seal (row_seal.h). Nothing when the value is damaged, when the key is right, or when
/// no change of one byte makes it right.
std::optional<std::string> key_written_under(std::string_view key, std::string_view stored);

}  // namespace metalmesh
