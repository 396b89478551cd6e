// Patterns as people write them: `*` for any characters, `?` for one, everything else for itself.
#pragma once

#include <string_view>

namespace metalmesh {

enum class LetterCase { counts, ignored };

/// Whether `pattern` describes the whole of `text`. No more than |pattern| x |text| steps, whatever the
/// pattern; `*` crosses slashes, `?` is one byte.
bool glob_matches(std::string_view pattern, std::string_view text,
                  LetterCase letter_case = LetterCase::counts);

}  // namespace metalmesh
