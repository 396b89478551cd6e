// The words of a line as GRUB's shell sees their borders: blanks separate, quotes and backslashes keep
// together.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace metalmesh::media {

inline std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  std::size_t begin = std::string_view::npos;
  char quote = '\0';
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    const bool is_blank = quote == '\0' && (c == ' ' || c == '\t');
    if (is_blank) {
      if (begin != std::string_view::npos) words.push_back(line.substr(begin, at - begin));
      begin = std::string_view::npos;
      continue;
    }
    if (begin == std::string_view::npos) begin = at;
    if (c == '\\' && quote != '\'') {
      ++at;
    } else if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = '\0';
    }
  }
  if (begin != std::string_view::npos) words.push_back(line.substr(begin));
  return words;
}

/// Without the quotes around the whole word.
inline std::string unquoted(std::string_view word) {
  const bool quoted =
      word.size() >= 2 && word.front() == word.back() && (word.front() == '"' || word.front() == '\'');
  return std::string(quoted ? word.substr(1, word.size() - 2) : word);
}

}  // namespace metalmesh::media
