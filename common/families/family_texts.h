// The families that come with the programs, as text. common/adapters/family_files.h reads them.
#pragma once

#include <span>
#include <string_view>

namespace metalmesh::families {

struct FamilyText {
  std::string_view name;  // "rhel.yaml"
  std::string_view text;
};

std::span<const FamilyText> family_texts();

}  // namespace metalmesh::families
