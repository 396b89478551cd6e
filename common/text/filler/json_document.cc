#include "common/text/filler/json_document.h"

#include <boost/json/basic_parser_impl.hpp>
#include <cstdint>
#include <set>
#include <utility>

namespace metalmesh {
namespace {

namespace json = boost::json;

constexpr std::size_t values_most = 200'000;

/// Takes what Boost's parser finds. Members that it calls are named as it wants them.
class TreeBuilder {
 public:
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  using Code = json::error_code;
  using Text = json::string_view;

  TextNode root;
  std::string twice;  // the key that stopped the parser
  bool too_many = false;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code& code) { return open(TextNode::Kind::mapping, code); }
  bool on_object_end(std::size_t, Code&) { return close(); }
  bool on_array_begin(Code& code) { return open(TextNode::Kind::sequence, code); }
  bool on_array_end(std::size_t, Code&) { return close(); }
  bool on_key_part(Text part, std::size_t, Code&) { return gather(part); }
  bool on_key(Text part, std::size_t, Code& code) {
    gather(part);
    if (!open_.back().keys.insert(text_).second) {
      twice = std::move(text_);
      code = json::error::syntax;
      return false;
    }
    return add(TextNode::Type::text, code);
  }
  bool on_string_part(Text part, std::size_t, Code&) { return gather(part); }
  bool on_string(Text part, std::size_t, Code& code) {
    gather(part);
    return add(TextNode::Type::text, code);
  }
  bool on_number_part(Text part, Code&) { return gather(part); }
  bool on_int64(std::int64_t, Text part, Code& code) { return number(part, code); }
  bool on_uint64(std::uint64_t, Text part, Code& code) { return number(part, code); }
  bool on_double(double, Text part, Code& code) { return number(part, code); }
  bool on_bool(bool value, Code& code) {
    text_ = value ? "true" : "false";
    return add(TextNode::Type::truth, code);
  }
  bool on_null(Code& code) { return add(TextNode::Type::null, code); }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

 private:
  struct Level {
    TextNode node;
    std::set<std::string> keys;
  };

  bool gather(Text part) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool number(Text part, Code& code) {
    gather(part);
    return add(TextNode::Type::number, code);
  }
  bool counted(Code& code) {
    too_many = ++values_ > values_most;
    if (too_many) code = json::error::syntax;
    return !too_many;
  }
  bool open(TextNode::Kind kind, Code& code) {
    open_.emplace_back().node.kind = kind;
    return counted(code);
  }
  bool close() {
    TextNode done = std::move(open_.back().node);
    open_.pop_back();
    place(std::move(done));
    return true;
  }
  bool add(TextNode::Type type, Code& code) {
    TextNode node;
    node.type = type;
    node.value = std::exchange(text_, {});
    place(std::move(node));
    return counted(code);
  }
  void place(TextNode&& node) {
    if (open_.empty()) {
      root = std::move(node);
    } else {
      open_.back().node.children.push_back(std::move(node));
    }
  }

  std::string text_;
  std::vector<Level> open_;
  std::size_t values_ = 0;
};

}  // namespace

std::expected<TextNode, JsonFault> parse_json(std::string_view text, std::string_view name) {
  const auto refuse = [&](std::string field, const std::string& what, std::string next = {}) {
    return std::unexpected(JsonFault{std::move(field), std::string(name) + " " + what, std::move(next)});
  };
  if (text.size() > json_bytes_most) return refuse({}, "is longer than 1 MiB");
  if (const auto good = check_utf8(text, name); !good)
    return std::unexpected(JsonFault{{}, good.error().message, {}});
  json::parse_options options;
  options.max_depth = json_depth_most;
  json::basic_parser<TreeBuilder> parser(options);
  json::error_code error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  TreeBuilder& built = parser.handler();
  if (built.too_many) return refuse({}, "holds more than 200000 values");
  if (error && !built.twice.empty()) {
    return refuse(built.twice, "gives the key \"" + built.twice + "\" twice in one object");
  }
  if (error == json::error::too_deep) return refuse({}, "is nested more than 24 levels deep");
  if (!error && read < text.size()) error = json::error::extra_data;
  if (error) return refuse({}, "is not JSON: " + error.message(), "check quotes, commas and braces");
  return std::move(built.root);
}

}  // namespace metalmesh
