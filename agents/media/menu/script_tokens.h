// The words and signs of GRUB's script language.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agents/media/menu/grub_script.h"

namespace metalmesh::media {

struct ScriptToken {
  enum class Kind { word, newline, semicolon, open, close, end };
  Kind kind = Kind::end;
  std::size_t line = 1;
  ScriptWord word;
  std::string plain;  // of a word without quotes, escapes and variables: itself, since it may be a keyword
};

/// The last token is `end`, behind a newline. Errors: invalid, with `name` and line.
Result<std::vector<ScriptToken>> script_tokens(std::string_view text, std::string_view name,
                                               std::size_t first_line);

}  // namespace metalmesh::media
