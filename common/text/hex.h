// Bytes as hex digits.
#pragma once

#include <string>
#include <string_view>

namespace metalmesh {

/// 0 to 15, in either case; -1 for what is no hex digit.
int hex_value(char digit);

/// Two lower-case digits for each byte.
std::string to_hex(std::string_view bytes);
/// Empty when `hex` is not an even number of hex digits.
std::string from_hex(std::string_view hex);

}  // namespace metalmesh
