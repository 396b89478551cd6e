// The rows of known peculiarities that come with the program, as text. built_in.h reads them.
#pragma once

#include <span>
#include <string_view>

namespace metalmesh {

struct QuirkText {
  std::string_view name;  // "dell.yaml"
  std::string_view text;
};

std::span<const QuirkText> quirk_texts();

}  // namespace metalmesh
