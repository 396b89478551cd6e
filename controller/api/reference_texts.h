// What the API says of itself, as it travels inside the program: openapi.yaml, and the same as a page for people
// (schemas/rest/make_reference.py).
#pragma once

#include <span>
#include <string_view>

namespace metalmesh::controller {

struct ReferenceText {
  std::string_view name;  // "openapi.yaml", "reference.html"
  std::string_view text;
};

std::span<const ReferenceText> reference_texts();

}  // namespace metalmesh::controller
