#include "controller/cli/document_split.h"

#include <algorithm>
#include <optional>

namespace metalmesh::cli {
namespace {

constexpr std::string_view blanks = " \t\r\n";

std::size_t line_breaks(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

std::vector<TextPart> yaml_documents(std::string_view text) {
  std::vector<TextPart> out;
  std::size_t begin = 0;
  std::size_t line = 1;
  const auto add = [&](std::size_t end) {
    const std::string_view part = text.substr(begin, end - begin);
    if (part.find_first_not_of(blanks) != std::string_view::npos) out.push_back({line, part});
    line += line_breaks(part);
    begin = end;
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    const bool marks = rest.starts_with("---") && (rest.size() == 3 || blanks.contains(rest[3]));
    if (marks && at > begin) add(at);
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;
    at += end + 1;
  }
  add(text.size());
  return out;
}

/// Walks over JSON without understanding more of it than where values end.
class JsonWalk {
 public:
  explicit JsonWalk(std::string_view text) : text_(text) {}

  /// Nothing: this is no JSON, as far as one can see from its brackets.
  std::optional<std::vector<TextPart>> values() {
    while (skip_blanks()) {
      const std::size_t begin = at_;
      const std::size_t line = line_;
      if (text_[at_] != '{' || !skip_object()) return std::nullopt;
      if (has_items_ && !has_kind_) {
        out_.insert(out_.end(), items_.begin(), items_.end());
      } else {
        out_.push_back({line, text_.substr(begin, at_ - begin)});
      }
    }
    return std::move(out_);
  }

 private:
  bool skip_blanks() {
    while (at_ < text_.size() && blanks.contains(text_[at_])) line_ += text_[at_++] == '\n' ? 1 : 0;
    return at_ < text_.size();
  }
  /// The string at the cursor; its quotes are left out.
  std::optional<std::string_view> skip_string() {
    const std::size_t begin = ++at_;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') return std::nullopt;
      if (text_[at_] == '"') return text_.substr(begin, at_++ - begin);
      if (text_[at_] == '\\') ++at_;
    }
    return std::nullopt;
  }
  /// Up to behind the value at the cursor.
  bool skip_value() {
    int depth = 0;
    while (skip_blanks()) {
      const char c = text_[at_];
      if (c == '"') {
        if (!skip_string()) return false;
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
      } else if (depth == 0 && (c == ',' || c == '}' || c == ']')) {
        return true;
      } else {
        if (c == '}' || c == ']') --depth;
        ++at_;
      }
      if (depth == 0 && (c == '}' || c == ']' || c == '"')) return true;
    }
    return false;
  }
  bool skip_items() {
    ++at_;
    while (skip_blanks() && text_[at_] != ']') {
      const std::size_t begin = at_;
      const std::size_t line = line_;
      if (!skip_value()) return false;
      items_.push_back({line, text_.substr(begin, at_ - begin)});
      if (skip_blanks() && text_[at_] == ',') ++at_;
    }
    if (at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  bool skip_object() {
    has_kind_ = has_items_ = false;
    items_.clear();
    ++at_;
    while (skip_blanks() && text_[at_] != '}') {
      if (text_[at_] != '"') return false;
      const auto key = skip_string();
      if (!key || !skip_blanks() || text_[at_] != ':') return false;
      ++at_;
      if (!skip_blanks()) return false;
      has_kind_ = has_kind_ || *key == "kind";
      const bool lists = *key == "items" && text_[at_] == '[';
      has_items_ = has_items_ || lists;
      if (lists ? !skip_items() : !skip_value()) return false;
      if (skip_blanks() && text_[at_] == ',') ++at_;
    }
    if (at_ == text_.size()) return false;
    ++at_;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  bool has_kind_ = false;
  bool has_items_ = false;
  std::vector<TextPart> items_;
  std::vector<TextPart> out_;
};

}  // namespace

std::vector<TextPart> split_documents(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first != std::string_view::npos && text[first] == '{') {
    if (auto values = JsonWalk(text).values()) return std::move(*values);
  }
  return yaml_documents(text);
}

}  // namespace metalmesh::cli
