#include "common/text/filler/yaml_document.h"

#include <fmt/format.h>
#include <yaml.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "common/base/check.h"

namespace metalmesh {
namespace {

constexpr std::size_t text_limit = std::size_t{8} << 20;
constexpr std::size_t node_limit = 200'000;
constexpr std::size_t depth_limit = 32;

class Event {
 public:
  Event() = default;
  ~Event() { yaml_event_delete(&event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  yaml_event_t* operator->() { return &event_; }
  yaml_event_t* get() { return &event_; }

 private:
  yaml_event_t event_{};
};

/// What YAML takes for a line break beside LF and CR LF, and makes another one of or folds away.
struct OtherBreak {
  std::string_view bytes;
  std::string_view name;
  std::string_view escape;
};
constexpr OtherBreak other_breaks[] = {{"\xC2\x85", "U+0085", "\\x85"},
                                       {"\xE2\x80\xA8", "U+2028", "\\u2028"},
                                       {"\xE2\x80\xA9", "U+2029", "\\u2029"}};

/// So that a line is a line to everybody, and no byte of a text becomes another one.
Status check_breaks(std::string_view text, std::string_view name) {
  const auto at_line = [&](std::size_t at, const std::string& what) {
    return fail(ErrorKind::invalid,
                fmt::format("{}:{}: {}", name, 1 + std::ranges::count(text.substr(0, at), '\n'), what));
  };
  for (std::size_t at = text.find('\r'); at != std::string_view::npos; at = text.find('\r', at + 1)) {
    if (text.substr(at, 2) != "\r\n")
      return at_line(
          at,
          "a carriage return alone is a line break to YAML, and would become LF; write \\r in double quotes");
  }
  for (const OtherBreak& other : other_breaks) {
    const std::size_t at = text.find(other.bytes);
    if (at != std::string_view::npos)
      return at_line(
          at,
          fmt::format("{} is a line break to YAML, and would become another one; write {} in double quotes",
                      other.name, other.escape));
  }
  return {};
}

class Parser {
 public:
  Parser(std::string_view text, std::string_view name) : text_(text), name_(name) {
    MM_CHECK(yaml_parser_initialize(&parser_) == 1);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
  }
  ~Parser() { yaml_parser_delete(&parser_); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  Result<std::vector<TextNode>> documents() {
    std::vector<TextNode> out;
    for (;;) {
      Event event;
      if (auto status = next(event); !status) return std::unexpected(status.error());
      if (event->type == YAML_STREAM_END_EVENT) return out;
      if (event->type == YAML_STREAM_START_EVENT || event->type == YAML_DOCUMENT_START_EVENT ||
          event->type == YAML_DOCUMENT_END_EVENT) {
        continue;
      }
      auto root = node(event, 1);
      if (!root) return std::unexpected(root.error());
      if (!root->absent()) out.push_back(std::move(*root));
    }
  }

 private:
  [[nodiscard]] Error error_here(const yaml_mark_t& mark, std::string_view message) const {
    TextNode there;
    there.line = mark.line + 1;
    there.column = mark.column + 1;
    return error_at(name_, there, message);
  }

  Status next(Event& event) {
    if (yaml_parser_parse(&parser_, event.get()) == 1) return {};
    const char* problem = parser_.problem == nullptr ? "not YAML" : parser_.problem;
    return std::unexpected(error_here(parser_.problem_mark, problem));
  }

  static bool is_block(yaml_scalar_style_t style) {
    return style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
  }

  /// Of the lines behind the one that a block begins on.
  bool has_returns(std::size_t begin, std::size_t end) {
    if (!returns_) {
      returns_.emplace();
      for (std::size_t at = 0; at < text_.size();) {
        const std::size_t stop = std::min(text_.find('\n', at), text_.size());
        returns_->push_back(stop > at && text_[stop - 1] == '\r');
        at = stop + 1;
      }
    }
    for (std::size_t line = begin + 1; line < std::min(end, returns_->size()); ++line) {
      if ((*returns_)[line]) return true;
    }
    return false;
  }

  /// The node that `event` opens, read to its end.
  Result<TextNode> node(Event& event, std::size_t depth) {
    const yaml_mark_t mark = event->start_mark;
    if (depth > depth_limit)
      return std::unexpected(error_here(mark, fmt::format("nested deeper than {}", depth_limit)));
    if (++nodes_ > node_limit)
      return std::unexpected(error_here(mark, fmt::format("more than {} values", node_limit)));
    TextNode out;
    out.line = mark.line + 1;
    out.column = mark.column + 1;
    const unsigned char* anchor = nullptr;
    const unsigned char* tag = nullptr;
    switch (event->type) {
      case YAML_SCALAR_EVENT: {
        const auto& scalar = event->data.scalar;
        anchor = scalar.anchor;
        tag = scalar.tag;
        out.value.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
        out.type = scalar.style == YAML_PLAIN_SCALAR_STYLE ? TextNode::Type::plain : TextNode::Type::quoted;
        if (is_block(scalar.style) && has_returns(mark.line, event->end_mark.line))
          return std::unexpected(error_here(
              mark,
              "this text has line ends of Windows (CR LF), of which YAML makes LF: convert the file "
              "(dos2unix), or keep the text in a file of its own"));
        break;
      }
      case YAML_SEQUENCE_START_EVENT:
        out.kind = TextNode::Kind::sequence;
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
      case YAML_MAPPING_START_EVENT:
        out.kind = TextNode::Kind::mapping;
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
      default:
        return std::unexpected(
            error_here(mark, "anchors and aliases (&, *) are not supported; write it out"));
    }
    if (anchor != nullptr) {
      return std::unexpected(error_here(mark, "anchors and aliases (&, *) are not supported; write it out"));
    }
    if (tag != nullptr)
      return std::unexpected(error_here(mark, "tags (!) are not supported; quote the value"));
    if (out.kind == TextNode::Kind::scalar) return out;
    if (auto status = fill(out, depth); !status) return std::unexpected(status.error());
    return out;
  }

  Status fill(TextNode& parent, std::size_t depth) {
    const bool mapping = parent.kind == TextNode::Kind::mapping;
    const auto end = mapping ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    std::set<std::string, std::less<>> keys;
    for (;;) {
      Event event;
      if (auto status = next(event); !status) return status;
      if (event->type == end) return {};
      auto child = node(event, depth + 1);
      if (!child) return std::unexpected(child.error());
      if (mapping && parent.children.size() % 2 == 0) {
        if (child->kind != TextNode::Kind::scalar)
          return std::unexpected(error_at(name_, *child, "a key must be a word"));
        if (!keys.insert(child->value).second) {
          return std::unexpected(error_at(name_, *child, fmt::format("\"{}\" appears twice", child->value)));
        }
      }
      parent.children.push_back(std::move(*child));
    }
  }

  yaml_parser_t parser_{};
  std::string_view text_;
  std::string_view name_;
  std::optional<std::vector<bool>> returns_;  // by line: it ends with CR LF; looked up when a block asks
  std::size_t nodes_ = 0;
};

}  // namespace

Result<std::vector<TextNode>> parse_yaml(std::string_view text, std::string_view name) {
  if (text.size() > text_limit) {
    return fail(ErrorKind::exhausted, fmt::format("{}: longer than {} bytes", name, text_limit));
  }
  if (auto good = check_utf8(text, name); !good) return std::unexpected(good.error());
  if (auto good = check_breaks(text, name); !good) return std::unexpected(good.error());
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // some editors begin a file with it
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  return Parser(text, name).documents();
}

}  // namespace metalmesh
