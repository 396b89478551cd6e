// A long text of objects, cut where one ends and the next begins, so that each part is parsed by itself and what is wrong
// in one says nothing of the others. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace metalmesh::cli {

struct TextPart {
  std::size_t line = 1;  // where it begins
  std::string_view text;
};

/// YAML documents: `---` at the beginning of a line begins one, whatever stands before it. JSON: what stands in the list `items`
/// of an object without a kind, as `get -o json` prints it; else every value, one after the other. What is no text of either
/// sort is one part, for a parser to say what is wrong with it.
std::vector<TextPart> split_documents(std::string_view text);

}  // namespace metalmesh::cli
