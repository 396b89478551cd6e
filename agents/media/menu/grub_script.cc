#include "agents/media/menu/grub_script.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agents/media/menu/script_tokens.h"

namespace metalmesh::media {
namespace {

using Kind = ScriptToken::Kind;
using Shared = std::shared_ptr<const Script>;

constexpr unsigned deepest = 40;
constexpr std::array<std::string_view, 15> keywords = {"case", "do",     "done",  "elif",  "else",
                                                       "esac", "fi",     "for",   "if",    "in",
                                                       "then", "select", "until", "while", "function"};

class Reader {
 public:
  Reader(std::vector<ScriptToken> tokens, std::string_view name) : tokens_(std::move(tokens)), name_(name) {}

  Result<Script> whole() {
    Script script;
    newlines();
    while (now().kind != Kind::end) {
      auto command = word_is("function") ? function() : one();
      if (!command) return std::unexpected(command.error());
      script.push_back(std::move(*command));
      if (!delimiter()) return wrong();
      newlines();
    }
    return script;
  }

 private:
  [[nodiscard]] const ScriptToken& now() const { return tokens_[at_]; }
  [[nodiscard]] bool word_is(std::string_view keyword) const {
    return now().kind == Kind::word && now().plain == keyword;
  }
  [[nodiscard]] bool is_keyword() const {
    return now().kind == Kind::word && std::ranges::find(keywords, now().plain) != keywords.end();
  }
  [[nodiscard]] std::unexpected<Error> wrong() const {
    std::string what = "GRUB does not expect ";
    switch (now().kind) {
      case Kind::word:
        what += now().plain.empty() ? "this word" : "\"" + now().plain + "\"";
        break;
      case Kind::newline:
        what += "the end of the line";
        break;
      case Kind::semicolon:
        what += "\";\"";
        break;
      case Kind::open:
        what += "\"{\"";
        break;
      case Kind::close:
        what += "\"}\"";
        break;
      case Kind::end:
        what += "the end of the file";
        break;
    }
    return fail(ErrorKind::invalid,
                std::string(name_) + ":" + std::to_string(now().line) + ": " + what + " here");
  }
  bool take(Kind kind) {
    if (now().kind != kind) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view keyword) {
    if (!word_is(keyword)) return false;
    ++at_;
    return true;
  }
  void newlines() {
    while (take(Kind::newline)) {
    }
  }
  bool delimiter() { return take(Kind::semicolon) || take(Kind::newline); }
  bool delimiters() {
    if (!delimiter()) return false;
    newlines();
    return true;
  }

  /// At least one, up to `last`, before which there must be a delimiter if `apart`.
  Result<Shared> commands(std::initializer_list<std::string_view> last, bool apart = true) {
    if (++depth_ > deepest)
      return fail(ErrorKind::exhausted, std::string(name_) + ":" + std::to_string(now().line) +
                                            ": blocks are nested deeper than " + std::to_string(deepest));
    auto script = std::make_shared<Script>();
    newlines();
    for (bool more = true; more;) {
      auto command = one();
      if (!command) return std::unexpected(command.error());
      script->push_back(std::move(*command));
      const bool parted = delimiters();
      const bool ended = (now().kind == Kind::close && last.size() == 0) ||
                         std::ranges::any_of(last, [&](std::string_view word) { return word_is(word); });
      if (ended && (parted || !apart)) more = false;
      if (!ended && !parted) return wrong();
      if (ended && more) return wrong();
    }
    --depth_;
    return Shared(std::move(script));
  }

  Result<Shared> block(bool apart) {
    auto script = commands({}, apart);
    if (script && !take(Kind::close)) return wrong();
    return script;
  }

  bool take_words(ScriptCommand& command) {
    while (now().kind == Kind::word) {
      if (now().plain == "[[" || now().plain == "]]") return false;
      command.words.push_back(tokens_[at_++].word);
    }
    return true;
  }

  Result<ScriptCommand> one() {
    if (word_is("if")) return branch();
    if (word_is("for")) return each();
    if (word_is("while") || word_is("until")) return repeat();
    if (now().kind != Kind::word || is_keyword()) return wrong();
    ScriptCommand command;
    command.line = now().line;
    if (!take_words(command)) return wrong();
    if (take(Kind::open)) {
      auto script = block(false);
      if (!script) return std::unexpected(script.error());
      command.block = std::move(*script);
    }
    return command;
  }

  Result<ScriptCommand> function() {
    ScriptCommand command{.kind = ScriptCommand::Kind::function, .line = now().line};
    ++at_;
    command.name = now().plain;
    if (!is_name(command.name) || is_keyword()) return wrong();
    ++at_;
    newlines();
    if (!take(Kind::open)) return wrong();
    auto script = block(true);
    if (!script) return std::unexpected(script.error());
    command.block = std::move(*script);
    return command;
  }

  Result<ScriptCommand> branch() {
    ScriptCommand command{.kind = ScriptCommand::Kind::branch, .line = now().line};
    ++at_;
    auto test = commands({"then"});
    if (!test) return std::unexpected(test.error());
    ++at_;
    auto body = commands({"fi", "else", "elif"});
    if (!body) return std::unexpected(body.error());
    command.test = std::move(*test);
    command.body = std::move(*body);
    if (word_is("elif")) {
      if (++depth_ > deepest) return wrong();
      auto other = branch();  // its "if" is this "elif", and its "fi" ends both
      if (!other) return other;
      --depth_;
      command.other = std::make_shared<Script>(Script{std::move(*other)});
      return command;
    }
    if (take("else")) {
      auto other = commands({"fi"});
      if (!other) return std::unexpected(other.error());
      command.other = std::move(*other);
    }
    if (!take("fi")) return wrong();
    return command;
  }

  Result<ScriptCommand> each() {
    ScriptCommand command{.kind = ScriptCommand::Kind::each, .line = now().line};
    ++at_;
    command.name = now().plain;
    if (!is_name(command.name) || is_keyword()) return wrong();
    ++at_;
    if (!take("in")) return wrong();
    if (!take_words(command)) return wrong();
    if (!delimiters()) return wrong();
    return body_of(std::move(command));
  }

  Result<ScriptCommand> repeat() {
    ScriptCommand command{.kind = ScriptCommand::Kind::repeat, .line = now().line};
    command.until = word_is("until");
    ++at_;
    auto test = commands({"do"});
    if (!test) return std::unexpected(test.error());
    command.test = std::move(*test);
    return body_of(std::move(command));
  }

  Result<ScriptCommand> body_of(ScriptCommand command) {
    if (!take("do")) return wrong();
    auto body = commands({"done"});
    if (!body) return std::unexpected(body.error());
    ++at_;
    command.body = std::move(*body);
    return command;
  }

  static bool is_name(std::string_view word) {
    return !word.empty() &&
           word.find_first_not_of(
               "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
               "0123456789_") == std::string_view::npos &&
           !(word[0] >= '0' && word[0] <= '9');
  }

  std::vector<ScriptToken> tokens_;
  std::string_view name_;
  std::size_t at_ = 0;
  unsigned depth_ = 0;
};

}  // namespace

Result<Script> read_script(std::string_view text, std::string_view name, std::size_t first_line) {
  auto tokens = script_tokens(text, name, first_line);
  if (!tokens) return std::unexpected(tokens.error());
  return Reader(std::move(*tokens), name).whole();
}

}  // namespace metalmesh::media
