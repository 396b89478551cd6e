#include "common/families/template_tokens.h"

#include <algorithm>
#include <optional>
#include <string>

#include "common/text/letters.h"

namespace metalmesh::families {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_name(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

constexpr std::size_t deepest = 64;  // whoever renders goes as deep

struct Line {
  std::size_t begin;
  std::size_t end;
};

bool blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

bool holds_only_tags(std::string_view line) {
  constexpr std::string_view signs = "#^/!";
  while (!blank(line)) {
    line.remove_prefix(line.find_first_not_of(" \t"));
    const std::size_t close = line.find("}}");
    const bool is_tag =
        line.size() > 2 && line.starts_with("{{") && signs.find(line[2]) != std::string_view::npos;
    if (!is_tag || close == std::string_view::npos) return false;
    line.remove_prefix(close + 2);
  }
  return true;
}

class Cutter {
 public:
  explicit Cutter(std::string_view tmpl) : tmpl_(tmpl) {}

  Result<std::vector<TemplateToken>> cut() {
    while (at_ < tmpl_.size()) {
      const std::size_t open = tmpl_.find("{{", at_);
      if (open == std::string_view::npos) break;
      if (tmpl_.substr(open, 4) == "{{{{") {
        text(at_, open + 2);
        at_ = open + 4;
        continue;
      }
      if (auto done = tag(open); !done) return std::unexpected(done.error());
    }
    text(std::min(at_, tmpl_.size()), tmpl_.size());
    if (!open_.empty()) {
      const TemplateToken& left = tokens_[open_.back()];
      return wrong(left.line,
                   "section " + std::string(left.text) + " is not closed; write {{{{ for literal braces");
    }
    return std::move(tokens_);
  }

 private:
  /// Positions come in their order; each line is counted once.
  std::size_t line_at(std::size_t position) {
    const std::string_view since = tmpl_.substr(counted_, position - counted_);
    line_ += static_cast<std::size_t>(std::ranges::count(since, '\n'));
    counted_ = position;
    return line_;
  }

  static std::unexpected<Error> wrong(std::size_t line, const std::string& what) {
    return fail(ErrorKind::invalid, "line " + std::to_string(line) + ": " + what);
  }

  void text(std::size_t from, std::size_t to) {
    if (from < to) tokens_.push_back({.text = tmpl_.substr(from, to - from)});
  }

  /// Begin and end (behind its newline) of the line around [from, to) when it holds nothing but section tags
  /// and remarks.
  std::optional<Line> line_of_tags(std::size_t from) {
    if (from >= judged_.end) {  // each line is looked at once, however many tags it has
      const std::size_t before = from == 0 ? std::string_view::npos : tmpl_.rfind('\n', from - 1);
      const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
      const std::size_t newline = tmpl_.find('\n', from);
      judged_ = {begin, newline == std::string_view::npos ? tmpl_.size() : newline + 1};
      only_tags_ = holds_only_tags(tmpl_.substr(begin, judged_.end - begin));
    }
    return only_tags_ ? std::optional(judged_) : std::nullopt;
  }

  Status tag(std::size_t open) {
    const std::size_t line = line_at(open);
    const bool raw = tmpl_.substr(open, 3) == "{{{";
    const std::string_view closing = raw ? "}}}" : "}}";
    const std::size_t inner = open + closing.size();
    const std::size_t close = tmpl_.find(closing, inner);
    if (close == std::string_view::npos || tmpl_.substr(open, close - open).contains('\n')) {
      return wrong(
          line, "a placeholder that begins with {{ is not closed on its line; write {{{{ for literal braces");
    }
    const std::size_t after = close + closing.size();
    std::string_view body = trimmed(tmpl_.substr(inner, close - inner));
    const char sign = raw || body.empty() ? '\0' : body.front();
    const bool stands_alone = sign == '#' || sign == '^' || sign == '/' || sign == '!';
    const auto whole = stands_alone ? line_of_tags(open) : std::nullopt;
    text(at_, whole ? std::max(at_, whole->begin) : open);
    const bool last = whole && blank(tmpl_.substr(after, whole->end - after));
    at_ = last ? whole->end : after;
    if (sign == '!') return {};
    if (stands_alone) body = trimmed(body.substr(1));
    return add(sign, body, raw, line);
  }

  Status add(char sign, std::string_view body, bool raw, std::size_t line) {
    TemplateToken token{.kind = TemplateToken::Kind::value, .raw = raw, .line = line};
    const bool is_value = sign != '#' && sign != '^' && sign != '/';
    if (is_value) {
      if (const std::size_t pipe = body.find('|'); pipe != std::string_view::npos) {
        token.filter = trimmed(body.substr(pipe + 1));
        body = trimmed(body.substr(0, pipe));
      }
    }
    if (!is_name(body))
      return wrong(line,
                   "\"" + std::string(body) + "\" is not a variable name; write {{{{ for literal braces");
    token.text = body;
    if (sign == '#') token.kind = TemplateToken::Kind::section;
    if (sign == '^') token.kind = TemplateToken::Kind::inverted;
    if (sign == '/') {
      token.kind = TemplateToken::Kind::close;
      if (open_.empty() || tokens_[open_.back()].text != body)
        return wrong(line, "{{/" + std::string(body) +
                               "}} closes no open section of that name; write {{{{ for literal braces");
      tokens_[open_.back()].end = tokens_.size();
      open_.pop_back();
    } else if (token.kind != TemplateToken::Kind::value) {
      if (open_.size() == deepest)
        return wrong(line, "sections within sections, deeper than " + std::to_string(deepest));
      open_.push_back(tokens_.size());
    }
    tokens_.push_back(token);
    return {};
  }

  std::string_view tmpl_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;  // at counted_
  std::size_t counted_ = 0;
  Line judged_{0, 0};
  bool only_tags_ = false;
  std::vector<TemplateToken> tokens_;
  std::vector<std::size_t> open_;  // sections
};

}  // namespace

Result<std::vector<TemplateToken>> template_tokens(std::string_view tmpl) { return Cutter(tmpl).cut(); }

}  // namespace metalmesh::families
