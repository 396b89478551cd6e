#include "common/text/filler/text_node.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/text/utf8.h"

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

Status check_utf8(std::string_view text, std::string_view name) {
  const std::size_t wrong = first_not_utf8(text);
  if (wrong == std::string_view::npos) return {};
  const auto line = 1 + std::ranges::count(text.substr(0, wrong), '\n');
  const bool wide = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
  return fail(ErrorKind::invalid, fmt::format("{}:{}: is not UTF-8; convert it: iconv -f {} -t UTF-8", name,
                                              line, wide ? "UTF-16" : "LATIN1"));
}

}  // namespace metalmesh
