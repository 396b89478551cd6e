#include "common/answer/template_renderer.h"

#include <algorithm>
#include <ranges>
#include <utility>
#include <vector>

#include "common/families/template_tokens.h"

namespace metalmesh::answer {
namespace {

namespace json = boost::json;
using Kind = families::TemplateToken::Kind;

constexpr std::size_t most_rendered = 16U << 20;
/// Lists within lists multiply, also where they write nothing, and others wait meanwhile.
constexpr std::size_t most_steps = 1'000'000;

/// Innermost scope last. Items of lists that are no objects have no names, only ".".
using Scopes = std::vector<const json::value*>;

const json::value* look_into(const json::value& scope, std::string_view name) {
  const json::value* at = &scope;
  while (true) {
    const auto* object = at->if_object();
    if (object == nullptr) return nullptr;
    if (const auto* found = object->if_contains(name))
      return found;  // names of variables may hold dots themselves
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos) return nullptr;
    at = object->if_contains(name.substr(0, dot));
    if (at == nullptr) return nullptr;
    name.remove_prefix(dot + 1);
  }
}

const json::value* look_up(const Scopes& scopes, std::string_view name) {
  if (name == ".") return scopes.back();
  for (const json::value* scope : std::views::reverse(scopes)) {
    if (const json::value* found = look_into(*scope, name)) return found;
  }
  return nullptr;
}

bool is_set(const json::value& value) {
  if (const auto* flag = value.if_bool()) return *flag;
  if (const auto* text = value.if_string()) return !text->empty();
  if (const auto* list = value.if_array()) return !list->empty();
  return !value.is_null();
}

std::string at_line(std::size_t line) { return "line " + std::to_string(line) + ": "; }

class Renderer {
 public:
  Renderer(const std::vector<families::TemplateToken>& tokens, TextFormat format)
      : tokens_(tokens), format_(format) {}

  // NOLINTNEXTLINE(misc-no-recursion): sections are bounded by the token list
  Status render(std::size_t from, std::size_t to, Scopes& scopes) {
    for (std::size_t at = from; at < to; ++at) {
      const families::TemplateToken& token = tokens_[at];
      if (++steps_ > most_steps)
        return fail(ErrorKind::exhausted, at_line(token.line) +
                                              "sections within sections are gone through more than " +
                                              std::to_string(most_steps) + " times");
      if (auto done = one(token, at, scopes); !done) return done;
      if (out_.size() > most_rendered)
        return fail(ErrorKind::exhausted, "the rendered answer file exceeds 16 MiB");
      if (token.kind == Kind::section || token.kind == Kind::inverted) at = token.end;
    }
    return {};
  }
  std::string take() { return std::move(out_); }

 private:
  // NOLINTNEXTLINE(misc-no-recursion)
  Status one(const families::TemplateToken& token, std::size_t at, Scopes& scopes) {
    if (token.kind == Kind::text) {
      out_ += token.text;
      return {};
    }
    if (token.kind == Kind::close) return {};
    const json::value* value = look_up(scopes, token.text);
    if (value == nullptr) {
      return fail(ErrorKind::invalid,
                  at_line(token.line) + "variable " + std::string(token.text) +
                      " is not set for this server; set it, remove it from the profile, or, where the braces "
                      "are the file's own, write {{{{ for them");
    }
    if (token.kind == Kind::value) return insert(token, *value);
    if (token.kind == Kind::inverted) {
      return is_set(*value) ? Status() : render(at + 1, token.end, scopes);
    }
    return section(token, at, *value, scopes);
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  Status section(const families::TemplateToken& token, std::size_t at, const json::value& value,
                 Scopes& scopes) {
    if (!is_set(value)) return {};
    const auto inside = [&](const json::value& scope) {
      scopes.push_back(&scope);
      auto done = render(at + 1, token.end, scopes);
      scopes.pop_back();
      return done;
    };
    const auto* list = value.if_array();
    if (list == nullptr) return inside(value);
    steps_ += list->size();  // items without a token inside, too
    for (const json::value& each : *list) {
      if (auto done = inside(each); !done) return done;
    }
    return {};
  }

  Status insert(const families::TemplateToken& token, const json::value& value) {
    auto text = written(token, value);
    if (!text) {
      return fail(ErrorKind::invalid,
                  at_line(token.line) + "variable " + std::string(token.text) + ": " + text.error().message);
    }
    out_ += *text;
    return {};
  }

  Result<std::string> written(const families::TemplateToken& token, const json::value& value) const {
    if (token.raw) return write_value(value, TextFormat::verbatim);
    if (token.filter.empty() && format_ == TextFormat::verbatim) return one_line(token, value);
    if (token.filter.empty()) return write_value(value, format_);
    if (token.filter == "base64") {
      auto text = write_value(value, TextFormat::verbatim);
      return text ? Result<std::string>(base64(*text)) : text;
    }
    const auto other = text_format(token.filter);
    if (!other) return fail(ErrorKind::invalid, "there is no filter \"" + std::string(token.filter) + "\"");
    return write_value(value, *other);
  }

  /// A format without quoting cannot hold a break inside of a value; who wants one says so.
  static Result<std::string> one_line(const families::TemplateToken& token, const json::value& value) {
    auto text = write_value(value, TextFormat::verbatim);
    if (text && text->find_first_of("\r\n") != std::string::npos)
      return fail(ErrorKind::invalid,
                  "its value has several lines; if they shall stand there as they are: {{{" +
                      std::string(token.text) + "}}}");
    return text;
  }

  const std::vector<families::TemplateToken>& tokens_;
  TextFormat format_;
  std::string out_;
  std::size_t steps_ = 0;
};

}  // namespace

Result<std::string> render_template(std::string_view tmpl, const json::object& context, TextFormat format) {
  const auto tokens = families::template_tokens(tmpl);
  if (!tokens) return std::unexpected(tokens.error());
  Renderer renderer(*tokens, format);
  const json::value root(context);
  Scopes scopes{&root};
  if (auto done = renderer.render(0, tokens->size(), scopes); !done) return std::unexpected(done.error());
  return renderer.take();
}

}  // namespace metalmesh::answer
