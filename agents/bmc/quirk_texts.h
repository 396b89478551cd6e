// The rows of known peculiarities that come with the program, as text. agents/app/quirk_files.h reads them.
#pragma once

#include <span>
#include <string_view>

namespace metalmesh::bmc {

struct QuirkText {
  std::string_view name;  // "dell.yaml"
  std::string_view text;
};

std::span<const QuirkText> quirk_texts();

}  // namespace metalmesh::bmc
