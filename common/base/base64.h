// Reads what to_base64 (digest.h), or anybody, wrote.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace metalmesh {

/// Nothing: it is no Base64, or not whole.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace metalmesh
