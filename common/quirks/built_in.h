// The rows of known peculiarities that come with the program.
#pragma once

#include "common/base/result.h"
#include "common/quirks/quirk_table.h"

namespace metalmesh {

/// Adds the row that `text` tells as YAML. The error names `name` and the field.
Status add_quirks(QuirkTable& table, std::string_view text, std::string_view name, QuirkOrigin origin);
/// Fails only where a file of this folder is wrong.
Result<QuirkTable> built_in_quirks();

}  // namespace metalmesh
