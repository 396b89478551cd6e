// Text from elsewhere on a terminal: what would move the cursor, ring, recolour or turn the direction of what is read is
// shown as what it is. Line feeds and tabs stay, so a text may have lines; all else that is not to be seen does not pass.
#pragma once

#include <string>
#include <string_view>

namespace metalmesh {

/// Control characters (also those of two bytes, and those that change direction or break lines beside '\n') as "\u001b",
/// as JSON writes them: within its quotes, JSON stays JSON and means the same. U+FFFD for bytes that are no UTF-8.
std::string visible(std::string_view text);

}  // namespace metalmesh
