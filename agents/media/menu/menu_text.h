// A menu of one entry, in GRUB's language.
#pragma once

#include <string>
#include <string_view>

#include "agents/media/menu/menu_state.h"
#include "common/base/result.h"

namespace metalmesh::media {

/// A word that GRUB takes for exactly these bytes. Errors: unsupported, for bytes that no line can carry.
Result<std::string> quoted_word(std::string_view word);

/// Errors: unsupported, as above.
Result<std::string> menu_text(std::string_view title, const MenuBoot& boot, unsigned timeout);

/// The line as people read it.
std::string readable(const MenuLine& line);

}  // namespace metalmesh::media
