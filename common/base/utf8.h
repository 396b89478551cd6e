// Text from elsewhere (labels and names in images, answers of devices) may be in any encoding. What goes into
// a message, a row or a log line is UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace metalmesh {

/// Length of the UTF-8 sequence at the front of `text` (not empty), 0 when it is none: overlong forms,
/// surrogates and what is cut off are none (RFC 3629).
std::size_t utf8_length(std::string_view text);

/// `text` with U+FFFD for every byte that belongs to no UTF-8 sequence.
std::string valid_utf8(std::string text);

}  // namespace metalmesh
