// What a front end (YAML, JSON) makes of a text: a tree of strings, with what the notation itself says of
// each, and nothing guessed. What a value means is for the reader's schema to say (filler.h).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace metalmesh {

struct TextNode {
  enum class Kind { scalar, sequence, mapping };
  /// Of a scalar. YAML does not tell text from numbers (`plain`; `quoted` is text beyond doubt only to
  /// people: "30m" is a duration where the schema wants one). JSON does tell.
  enum class Type { plain, quoted, text, number, truth, null };

  Kind kind = Kind::scalar;
  Type type = Type::quoted;
  std::string value;       // scalar
  std::size_t line = 0;    // from 1; 0 where the front end keeps no places
  std::size_t column = 0;  // likewise
  /// Sequence: the items. Mapping: key, value, key, value, ... in the order written.
  std::vector<TextNode> children;

  /// The value of `key` in a mapping, or nullptr.
  [[nodiscard]] const TextNode* find(std::string_view key) const;
  /// `name:` with nothing behind it, or null.
  [[nodiscard]] bool absent() const {
    return kind == Kind::scalar && (type == Type::null || (type == Type::plain && value.empty()));
  }
};

/// The error for something found at `node` of the file `name`: `name:line:column: message`.
Error error_at(std::string_view name, const TextNode& node, std::string_view message);

/// Fails with `invalid` for bytes outside UTF-8, naming file and line: nothing may get lost on its way to a machine.
Status check_utf8(std::string_view text, std::string_view name);

}  // namespace metalmesh
