#include "controller/cli/json_text.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "common/text/letters.h"

namespace metalmesh::cli {
namespace {

namespace json = boost::json;

/// Words that some YAML reader takes for something else than text.
const std::set<std::string_view> not_plain = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};

bool is_plain(std::string_view text) {
  const auto is_inner = [&](char c) {
    return is_alnum(c) || c == '-' || c == '_' || c == '.' || c == '/' || c == '@';
  };
  return !text.empty() && is_letter(text.front()) && std::ranges::all_of(text, is_inner) &&
         !not_plain.contains(to_lower(text));
}

/// Texts that a literal block gives back exactly. Beyond ASCII there are line breaks of YAML's own.
bool fits_block(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.front() == '\n' || text.front() == ' ') return false;
  if (!text.ends_with('\n') || text.ends_with("\n\n")) return false;
  return std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); });
}

/// As JSON, but what YAML takes for a line break, or does not take at all, is escaped, too.
std::string quoted_yaml(std::string_view text) {
  const std::string json = json::serialize(json::string(text));
  std::string out;
  for (std::size_t at = 0; at < json.size();) {
    const std::string_view rest = std::string_view(json).substr(at);
    const auto second = rest.size() > 1 ? static_cast<unsigned char>(rest[1]) : 0U;
    if (rest.starts_with('\x7F')) {
      out += "\\u007f";
      at += 1;
    } else if (rest.starts_with('\xC2') && second < 0xA0) {
      out += fmt::format("\\u{:04x}", second);
      at += 2;
    } else if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9")) {
      out += rest[2] == '\xA8' ? "\\u2028" : "\\u2029";
      at += 3;
    } else if (rest.starts_with("\xEF\xBB\xBF") || rest.starts_with("\xEF\xBF\xBE") ||
               rest.starts_with("\xEF\xBF\xBF")) {
      out += second == 0xBB ? "\\ufeff" : rest[2] == '\xBE' ? "\\ufffe" : "\\uffff";
      at += 3;
    } else {
      out += json[at++];
    }
  }
  return out;
}

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

/// "PROOF_" of PROOF_NONE, PROOF_CALLBACK ...; empty when the names share no word.
std::string_view shared_prefix(const EnumDescriptor& names) {
  std::string_view prefix = names.value(0)->name();
  for (int i = 1; i < names.value_count(); ++i) {
    const std::string_view name = names.value(i)->name();
    const auto differs = std::ranges::mismatch(prefix, name).in1;
    prefix = prefix.substr(0, static_cast<std::size_t>(differs - prefix.begin()));
  }
  const auto end = prefix.rfind('_');
  return names.value_count() < 2 || end == std::string_view::npos ? std::string_view()
                                                                  : prefix.substr(0, end + 1);
}

void show_fields(json::object& object, const Descriptor& type);

void show_value(json::value& value, const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT64:
    case FieldDescriptor::CPPTYPE_INT64:
      if (value.is_string()) {
        json::error_code error;
        const json::value number = json::parse(value.get_string(), error);
        if (!error && number.is_number()) value = number;
      }
      return;
    case FieldDescriptor::CPPTYPE_ENUM:
      if (value.is_string()) {
        const std::string_view prefix = shared_prefix(*field.enum_type());
        const std::string name(value.get_string());
        if (name.starts_with(prefix)) value = name.substr(prefix.size());
      }
      return;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (value.is_object()) show_fields(value.get_object(), *field.message_type());
      return;
    default:
      return;
  }
}

void show_fields(json::object& object, const Descriptor& type) {
  for (auto& member : object) {
    const FieldDescriptor* field = nullptr;
    for (int i = 0; i < type.field_count() && field == nullptr; ++i) {
      if (std::string_view(type.field(i)->json_name()) == member.key()) field = type.field(i);
    }
    if (field == nullptr) continue;
    if (field->is_map()) {
      const FieldDescriptor& held = *field->message_type()->FindFieldByName("value");
      if (!member.value().is_object()) continue;
      for (auto& entry : member.value().get_object()) show_value(entry.value(), held);
    } else if (field->is_repeated()) {
      if (!member.value().is_array()) continue;
      for (auto& item : member.value().get_array()) show_value(item, *field);
    } else {
      show_value(member.value(), *field);
    }
  }
}

json::value shown(const google::protobuf::Message& message) {
  json::error_code error;
  json::value value = json::parse(to_json(message), error);
  if (error || !value.is_object()) return json::object();
  show_fields(value.get_object(), *message.GetDescriptor());
  return value;
}

/// As protobuf lays it out.
void lay_out(std::string& out, const json::value& value, std::size_t depth) {
  const auto each = [&](const auto& items, char open, char close, const auto& one) {
    if (items.empty()) {
      out.push_back(open);
      out.push_back(close);
      return;
    }
    out.push_back(open);
    bool first = true;
    for (const auto& item : items) {
      out += first ? "\n" : ",\n";
      first = false;
      out.append(depth + 1, ' ');
      one(item);
    }
    out += '\n';
    out.append(depth, ' ').push_back(close);
  };
  if (const auto* object = value.if_object()) {
    each(*object, '{', '}', [&](const auto& member) {
      out += json::serialize(json::string(member.key())) + ": ";
      lay_out(out, member.value(), depth + 1);
    });
  } else if (const auto* array = value.if_array()) {
    each(*array, '[', ']', [&](const auto& item) { lay_out(out, item, depth + 1); });
  } else {
    out += json::serialize(value);
  }
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
      out_ += quoted_yaml(value);
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

std::string shown_json(const google::protobuf::Message& message, Layout layout) {
  const json::value value = shown(message);
  if (layout == Layout::compact) return json::serialize(value);
  std::string out;
  lay_out(out, value, 0);
  return out + "\n";
}

std::string to_yaml(const google::protobuf::Message& message) { return YamlText().render(shown(message)); }

}  // namespace metalmesh::cli
