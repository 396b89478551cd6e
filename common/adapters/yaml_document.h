// YAML as a tree of strings with positions. Nothing is guessed: whether `22:00` is a time, `off` a switch
// or `4E12345` a number is for the reader's schema to say (yaml_reader.h). Anchors, aliases, tags and
// duplicate keys are refused; depth, size and number of nodes are bounded. JSON is accepted as the subset it
// is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace metalmesh::adapters {

struct YamlNode {
  enum class Kind { scalar, sequence, mapping };
  Kind kind = Kind::scalar;
  std::string value;   // scalar
  bool plain = false;  // scalar without quotes or block style
  std::size_t line = 1;
  std::size_t column = 1;
  /// Sequence: the items. Mapping: key, value, key, value, ... in the order written.
  std::vector<YamlNode> children;

  /// The value of `key` in a mapping, or nullptr.
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
  /// `name:` with nothing behind it.
  [[nodiscard]] bool absent() const { return kind == Kind::scalar && plain && value.empty(); }
};

/// Every document of the stream, empty ones left out. Errors read `name:line:column: what is wrong`.
Result<std::vector<YamlNode>> parse_yaml(std::string_view text, std::string_view name);

/// The error for something found at `node`.
Error yaml_error(std::string_view name, const YamlNode& node, std::string_view message);

}  // namespace metalmesh::adapters
