#include "common/text/filler/text_node.h"

#include <fmt/format.h>

namespace metalmesh {

const TextNode* TextNode::find(std::string_view key) const {
  if (kind != Kind::mapping) return nullptr;
  for (std::size_t i = 0; i + 1 < children.size(); i += 2) {
    if (children[i].value == key) return &children[i + 1];
  }
  return nullptr;
}

Error error_at(std::string_view name, const TextNode& node, std::string_view message) {
  return fail(ErrorKind::invalid, fmt::format("{}:{}:{}: {}", name, node.line, node.column, message)).error();
}

}  // namespace metalmesh
