#include "agents/media/menu/script_tokens.h"

#include <utility>

#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

using Kind = ScriptToken::Kind;

bool is_hex(char c) { return is_lower_hex(to_lower(c)); }
bool begins_name(char c) { return is_letter(c) || c == '_'; }
bool is_special(char c) { return c == '?' || c == '#' || c == '*' || c == '@'; }

class Tokens {
 public:
  Tokens(std::string_view text, std::string_view name, std::size_t first_line)
      : text_(text), name_(name), line_(first_line) {}

  Result<std::vector<ScriptToken>> all() {
    while (at_ < text_.size()) {
      if (auto done = next(); !done) return std::unexpected(done.error());
    }
    sign(Kind::newline);
    sign(Kind::end);
    return std::move(tokens_);
  }

 private:
  [[nodiscard]] std::unexpected<Error> wrong(const std::string& what) const {
    return fail(ErrorKind::invalid, std::string(name_) + ":" + std::to_string(line_) + ": " + what);
  }
  [[nodiscard]] char ahead(std::size_t by = 0) const {
    return at_ + by < text_.size() ? text_[at_ + by] : '\0';
  }
  void sign(Kind kind) { tokens_.push_back({kind, line_, {}, {}}); }

  Status next() {
    const char c = ahead();
    switch (c) {
      case ' ':
      case '\t':
        ++at_;
        return {};
      case '\n':
        sign(Kind::newline);
        ++at_;
        ++line_;
        return {};
      case ';':
        if (ahead(1) == ';') return wrong("\";;\" means nothing");
        sign(Kind::semicolon);
        ++at_;
        return {};
      case '{':
      case '}':
        sign(c == '{' ? Kind::open : Kind::close);
        ++at_;
        return {};
      case '|':
      case '&':
      case '<':
      case '>':
        return wrong(std::string("GRUB has no \"") + c + "\": quote it");
      case '#':
        at_ = std::min(text_.find('\n', at_), text_.size());
        return {};
      default:
        return word();
    }
  }

  [[nodiscard]] bool ends_word() const {
    return std::string_view(" \t\n;{}|&<>").find(ahead()) != std::string_view::npos;
  }

  Status word() {
    ScriptToken token{Kind::word, line_, {}, {}};
    bool plain = true;
    while (at_ < text_.size() && !ends_word()) {
      const char c = ahead();
      Status done;
      plain = plain && c != '\'' && c != '"' && c != '$' && c != '\\';
      if (c == '\'') {
        done = single_quotes(token.word);
      } else if (c == '"') {
        done = double_quotes(token.word, false);
      } else if (c == '$' && ahead(1) == '"') {
        ++at_;
        done = double_quotes(token.word, true);
      } else if (c == '$') {
        done = variable(token.word, false);
      } else if (c == '\\') {
        done = escape(token.word);
      } else {
        bare(token.word, c, c == '*' || c == '?');
        ++at_;
      }
      if (!done) return done;
    }
    if (plain && !token.word.empty()) token.plain = token.word[0].text;
    tokens_.push_back(std::move(token));  // of a mere continuation there is nothing in it, yet it is a word
    return {};
  }

  static void bare(ScriptWord& word, char c, bool glob = false) {
    if (word.empty() || word.back().kind != ScriptPiece::Kind::text || word.back().quoted)
      word.push_back({ScriptPiece::Kind::text, false, {}, false});
    word.back().text += c;
    word.back().glob = word.back().glob || glob;
  }

  Status escape(ScriptWord& word) {
    if (at_ + 1 >= text_.size()) return wrong("the text ends within an escape");
    const char c = ahead(1);
    if (c == '\n' && at_ + 2 >= text_.size()) return wrong("the line is continued, and none follows");
    // GRUB as Red Hat and Fedora ship it hands \x20 on to the kernel, and menus that have it mean that.
    const bool byte = c == 'x' && is_hex(ahead(2)) && is_hex(ahead(3));
    at_ += 2;
    if (c == '\n') {
      ++line_;
      return {};
    }
    if (byte) bare(word, '\\');
    bare(word, c);
    return {};
  }

  Status single_quotes(ScriptWord& word) {
    const std::size_t end = text_.find('\'', at_ + 1);
    if (end == std::string_view::npos) return wrong("a ' without its end");
    word.push_back({ScriptPiece::Kind::text, true, std::string(text_.substr(at_ + 1, end - at_ - 1)), false});
    for (const char c : word.back().text) line_ += c == '\n' ? 1 : 0;
    at_ = end + 1;
    return {};
  }

  Status double_quotes(ScriptWord& word, bool translated) {
    const std::size_t begin_line = line_;
    word.push_back({ScriptPiece::Kind::text, true, {}, false});
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = ahead();
      if (c == '"') {
        ++at_;
        return {};
      }
      if (c == '\n') ++line_;
      if (c == '\\' && at_ + 1 < text_.size()) {
        const char next = ahead(1);
        ++at_;
        if (next == '\n') {
          ++line_;
          continue;
        }
        if (next != '"' && next != '\\' && (next != '$' || translated)) word.back().text += '\\';
        word.back().text += next;
      } else if (c == '$' && !translated) {
        if (auto done = variable(word, true); !done) return done;
        word.push_back({ScriptPiece::Kind::text, true, {}, false});
        --at_;
      } else {
        word.back().text += c;
      }
    }
    line_ = begin_line;
    return wrong("a \" without its end");
  }

  /// $name, ${name}, $1, $@ ...: `at_` is at the $.
  Status variable(ScriptWord& word, bool quoted) {
    const bool braced = ahead(1) == '{';
    const std::size_t begin = at_ + (braced ? 2 : 1);
    std::size_t end = begin;
    const char c = begin < text_.size() ? text_[begin] : '\0';
    if (is_special(c)) {
      end = begin + 1;
    } else if (is_digit(c)) {
      while (end < text_.size() && is_digit(text_[end])) ++end;
    } else if (begins_name(c)) {
      while (end < text_.size() && (begins_name(text_[end]) || is_digit(text_[end]))) ++end;
    }
    if (end == begin || (braced && (end >= text_.size() || text_[end] != '}')))
      return wrong("a $ without the name of a variable: quote it");
    word.push_back(
        {ScriptPiece::Kind::variable, quoted, std::string(text_.substr(begin, end - begin)), false});
    at_ = end + (braced ? 1 : 0);
    return {};
  }

  std::string_view text_;
  std::string_view name_;
  std::size_t line_;
  std::size_t at_ = 0;
  std::vector<ScriptToken> tokens_;
};

}  // namespace

Result<std::vector<ScriptToken>> script_tokens(std::string_view text, std::string_view name,
                                               std::size_t first_line) {
  return Tokens(text, name, first_line).all();
}

}  // namespace metalmesh::media
