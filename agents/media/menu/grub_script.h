// GRUB's script language as a tree: words with their quoting, commands, blocks, conditions, loops, functions.
// Accepts what `grub-script-check` accepts (compared in the tests), and refuses the rest with file and line.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace metalmesh::media {

/// A run of a word: text, or the value of a variable.
struct ScriptPiece {
  enum class Kind { text, variable };
  Kind kind = Kind::text;
  bool quoted = false;  // the value is not split at blanks, and an empty one is a word
  std::string text;     // as it is meant, or the variable's name
  bool glob = false;    // text that holds * or ? of which GRUB makes file names
};

using ScriptWord = std::vector<ScriptPiece>;

struct ScriptCommand;
using Script = std::vector<ScriptCommand>;

struct ScriptCommand {
  enum class Kind { simple, branch, each, repeat, function };
  Kind kind = Kind::simple;
  std::size_t line = 0;
  std::vector<ScriptWord> words;        // simple: the command; each: what is run through
  std::string name;                     // each: the variable; function: its name
  std::shared_ptr<const Script> block;  // simple: { ... } behind it (menuentry); function: its body
  std::shared_ptr<const Script> test;   // branch, repeat
  std::shared_ptr<const Script> body;   // branch: then; each, repeat: do
  std::shared_ptr<const Script> other;  // branch: else
  bool until = false;                   // repeat: as long as the test fails
};

/// `name` is what errors call the text; its first line has the number `first_line`. Errors: invalid (the
/// language), exhausted (nested deeper than any menu is).
Result<Script> read_script(std::string_view text, std::string_view name, std::size_t first_line = 1);

}  // namespace metalmesh::media
