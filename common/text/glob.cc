#include "common/text/glob.h"

#include "common/text/letters.h"

namespace metalmesh {

bool glob_matches(std::string_view pattern, std::string_view text, LetterCase letter_case) {
  const auto same = [&](char wanted, char c) {
    return wanted == '?' || wanted == c ||
           (letter_case == LetterCase::ignored && to_lower(wanted) == to_lower(c));
  };
  std::size_t p = 0;
  std::size_t t = 0;
  // Only the last star is ever retried: what came before it matched as early as it could.
  std::size_t star = std::string_view::npos;
  std::size_t retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && same(pattern[p], text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace metalmesh
