// Whether a rendered file is well formed in its syntax, by the parsers that everyone uses (libyaml, expat,
// Boost.JSON, toml++). Kickstart, preseed and shell have no parser that could be linked: there only the
// values are escaped, and what a template of one's own says between them nobody has checked.
#pragma once

#include <string_view>

#include "common/answer/text_format.h"
#include "common/base/result.h"

namespace metalmesh::answer {

/// Fails with `invalid` and where the parser stopped.
Status check_syntax(std::string_view text, TextFormat format);

}  // namespace metalmesh::answer
