// Percent-encoding of URLs (RFC 3986).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace metalmesh {

/// Letters, digits, `-._~` and what `also_plain` lists stay; every other byte becomes %XX. With the default
/// it fits a path segment or a query value.
std::string percent_encode(std::string_view text, std::string_view also_plain = {});

/// Nothing if a `%` is not followed by two hex digits. The bytes that come out may be anything: whether they
/// are UTF-8, hold a slash or a NUL is for the caller to judge. A `+` stays a plus.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace metalmesh
