// A template cut into texts and tags, its sections matched and lines of mere tags removed
// (README.md has the syntax). Views point into the template.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace metalmesh::families {

struct TemplateToken {
  enum class Kind { text, value, section, inverted, close };
  Kind kind = Kind::text;
  std::string_view text;    // literal text, or the name
  std::string_view filter;  // of a value
  bool raw = false;         // of a value
  std::size_t line = 1;
  std::size_t end = 0;  // of a section: the index of its close
};

Result<std::vector<TemplateToken>> template_tokens(std::string_view tmpl);

}  // namespace metalmesh::families
