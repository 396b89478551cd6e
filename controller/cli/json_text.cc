#include "controller/cli/json_text.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

namespace metalmesh::cli {
namespace {

namespace json = boost::json;

/// Words that some YAML reader takes for something else than text.
const std::set<std::string_view> not_plain = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};

bool is_plain(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_inner = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '/' || c == '@';
  };
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return !text.empty() && is_letter(text.front()) && std::ranges::all_of(text, is_inner) &&
         !not_plain.contains(lower);
}

/// Texts that a literal block gives back exactly. Beyond ASCII there are line breaks of YAML's own.
bool fits_block(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.front() == '\n' || text.front() == ' ') return false;
  if (!text.ends_with('\n') || text.ends_with("\n\n")) return false;
  return std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); });
}

class YamlText {
 public:
  std::string render(const json::value& value) {
    node(value, 0);
    return std::move(out_);
  }

 private:
  void text(std::string_view value, int depth) {
    if (is_plain(value)) {
      out_ += value;
    } else if (fits_block(value)) {
      out_ += "|";
      while (!value.empty()) {
        const auto end = value.find('\n');
        const auto line = value.substr(0, end);
        out_ += '\n';
        if (!line.empty()) out_.append(static_cast<std::size_t>(depth) * 2, ' ').append(line);
        value.remove_prefix(end + 1);
      }
    } else {
      out_ += json::serialize(json::string(value));
    }
  }

  void scalar(const json::value& value, int depth) {
    if (value.is_string()) return text(value.get_string(), depth);
    out_ += value.is_array() ? "[]" : value.is_object() ? "{}" : json::serialize(value);
  }

  static bool is_nested(const json::value& value) {
    return (value.is_object() && !value.get_object().empty()) ||
           (value.is_array() && !value.get_array().empty());
  }

  /// Starts at the right column of the current line.
  void node(const json::value& value, int depth) {
    const std::string indent(static_cast<std::size_t>(depth) * 2, ' ');
    if (!is_nested(value)) {
      scalar(value, depth);
      out_ += '\n';
      return;
    }
    bool first = true;
    if (value.is_array()) {
      for (const json::value& item : value.get_array()) {
        if (!first) out_ += indent;
        first = false;
        out_ += "- ";
        node(item, depth + 1);
      }
      return;
    }
    for (const auto& member : value.get_object()) {
      if (!first) out_ += indent;
      first = false;
      text(member.key(), depth);
      out_ += ':';
      if (is_nested(member.value())) {
        out_ += '\n' + indent + "  ";
        node(member.value(), depth + 1);
      } else {
        out_ += ' ';
        scalar(member.value(), depth + 1);
        out_ += '\n';
      }
    }
  }

  std::string out_;
};

}  // namespace

std::string to_json(const google::protobuf::Message& message, Layout layout) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = layout == Layout::pretty;
  std::string out;
  // Fails only for Any and out-of-range times, which no message of ours holds.
  (void)google::protobuf::util::MessageToJsonString(message, &out, options);
  return out;
}

Status from_json(std::string_view text, google::protobuf::Message& message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto status =
      google::protobuf::util::JsonStringToMessage({text.data(), text.size()}, &message, options);
  if (status.ok()) return {};
  return fail(ErrorKind::corrupt,
              fmt::format("the answer is not what this release expects: {}", status.ToString()));
}

std::string to_yaml(const google::protobuf::Message& message) {
  json::error_code error;
  const json::value value = json::parse(to_json(message), error);
  if (error) return "{}\n";
  return YamlText().render(value);
}

}  // namespace metalmesh::cli
