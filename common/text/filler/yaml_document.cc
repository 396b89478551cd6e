#include "common/text/filler/yaml_document.h"

#include <fmt/format.h>
#include <yaml.h>

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

class Parser {
 public:
  Parser(std::string_view text, std::string_view name) : name_(name) {
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
  std::string_view name_;
  std::size_t nodes_ = 0;
};

}  // namespace

Result<std::vector<TextNode>> parse_yaml(std::string_view text, std::string_view name) {
  if (text.size() > text_limit) {
    return fail(ErrorKind::exhausted, fmt::format("{}: longer than {} bytes", name, text_limit));
  }
  if (auto good = check_utf8(text, name); !good) return std::unexpected(good.error());
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // some editors begin a file with it
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  return Parser(text, name).documents();
}

}  // namespace metalmesh
