#include "common/adapters/yaml_reader.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

#include "common/text/letters.h"
#include "common/text/near_miss.h"
#include "common/text/scalars.h"

namespace metalmesh::adapters {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string folded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '-' || c == '_' || c == ' ') continue;
    out += to_lower(c);
  }
  return out;
}

class Filler {
 public:
  explicit Filler(std::string_view name) : name_(name) {}

  Status message(const YamlNode& node, const std::string& path, Message& out) {
    if (node.absent()) return {};
    const Descriptor* type = out.GetDescriptor();
    if (type == google::protobuf::Duration::descriptor()) return duration(node, path, out);
    if (type == google::protobuf::Timestamp::descriptor()) return timestamp(node, path, out);
    if (node.kind != YamlNode::Kind::mapping) return wrong(node, path, "fields (key: value)");
    for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
      const YamlNode& key = node.children[i];
      const FieldDescriptor* field = find_field(*type, key.value);
      if (field == nullptr) return unknown_field(key, path, *type);
      const std::string here = path.empty() ? key.value : path + "." + key.value;
      if (auto status = value(node.children[i + 1], here, *field, out); !status) return status;
    }
    return {};
  }

 private:
  static const FieldDescriptor* find_field(const Descriptor& type, std::string_view json_name) {
    for (int i = 0; i < type.field_count(); ++i) {
      if (type.field(i)->json_name() == json_name) return type.field(i);
    }
    return nullptr;
  }

  Status unknown_field(const YamlNode& key, const std::string& path, const Descriptor& type) const {
    std::vector<std::string> known;
    for (int i = 0; i < type.field_count(); ++i) known.push_back(type.field(i)->json_name());
    const std::string meant = near_miss(key.value, known);
    const std::string where = path.empty() ? key.value : path + "." + key.value;
    return std::unexpected(yaml_error(
        name_, key,
        meant.empty() ? fmt::format("{}: unknown field; known here: {}", where, fmt::join(known, ", "))
                      : fmt::format("{}: unknown field; did you mean \"{}\"?", where, meant)));
  }

  Status wrong(const YamlNode& node, const std::string& path, std::string_view expected) const {
    const std::string got = node.kind == YamlNode::Kind::mapping ? "fields"
                            : node.kind == YamlNode::Kind::sequence
                                ? "a list"
                                : fmt::format("\"{}\"", node.value.substr(0, 60));
    return std::unexpected(
        yaml_error(name_, node,
                   fmt::format("{}: expected {}, got {}", path.empty() ? "document" : path, expected, got)));
  }

  Status value(const YamlNode& node, const std::string& path, const FieldDescriptor& field, Message& out) {
    if (field.is_map()) return map(node, path, field, out);
    if (field.is_repeated()) return list(node, path, field, out);
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      return message(node, path, *out.GetReflection()->MutableMessage(&out, &field));
    }
    if (node.absent()) return {};
    return scalar(node, path, field, out);
  }

  Status list(const YamlNode& node, const std::string& path, const FieldDescriptor& field, Message& out) {
    if (node.absent()) return {};
    if (node.kind != YamlNode::Kind::sequence) return wrong(node, path, "a list");
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const std::string here = fmt::format("{}[{}]", path, i);
      const YamlNode& item = node.children[i];
      auto status = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE
                        ? message(item, here, *out.GetReflection()->AddMessage(&out, &field))
                        : scalar(item, here, field, out);
      if (!status) return status;
    }
    return {};
  }

  /// A map field is a list of {key, value} to reflection.
  Status map(const YamlNode& node, const std::string& path, const FieldDescriptor& field, Message& out) {
    if (node.absent()) return {};
    if (node.kind != YamlNode::Kind::mapping) return wrong(node, path, "fields (key: value)");
    const Descriptor& entry = *field.message_type();
    for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
      const std::string here = path + "." + node.children[i].value;
      Message& added = *out.GetReflection()->AddMessage(&out, &field);
      if (auto status = scalar(node.children[i], here, *entry.map_key(), added); !status) return status;
      if (auto status = value(node.children[i + 1], here, *entry.map_value(), added); !status) return status;
    }
    return {};
  }

  Status duration(const YamlNode& node, const std::string& path, Message& out) const {
    const auto parsed = node.kind == YamlNode::Kind::scalar ? parse_duration(node.value) : std::nullopt;
    if (!parsed) return wrong(node, path, "a duration such as 90s, 30m or 1h30m");
    static_cast<google::protobuf::Duration&>(out) =
        google::protobuf::util::TimeUtil::NanosecondsToDuration(parsed->count());
    return {};
  }

  Status timestamp(const YamlNode& node, const std::string& path, Message& out) const {
    auto& time = static_cast<google::protobuf::Timestamp&>(out);
    if (node.kind == YamlNode::Kind::scalar &&
        google::protobuf::util::TimeUtil::FromString(node.value, &time))
      return {};
    return wrong(node, path, "a time such as 2026-11-22T14:00:00Z");
  }

  template <class Number>
  static bool in_range(std::int64_t value) {
    return std::in_range<Number>(value);
  }

  /// Sets the field, or appends to it when it is a list.
  Status scalar(const YamlNode& node, const std::string& path, const FieldDescriptor& field, Message& out) {
    const auto* reflection = out.GetReflection();
    const auto put = [&](auto set, auto add, auto&& parsed) -> Status {
      if (field.is_repeated()) {
        (reflection->*add)(&out, &field, std::forward<decltype(parsed)>(parsed));
      } else {
        (reflection->*set)(&out, &field, std::forward<decltype(parsed)>(parsed));
      }
      return {};
    };
    using Reflection = google::protobuf::Reflection;
    const bool is_text = field.type() == FieldDescriptor::TYPE_STRING;
    if (node.kind != YamlNode::Kind::scalar) return wrong(node, path, is_text ? "text" : "one value");
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        if (!is_text) return wrong(node, path, "nothing (bytes cannot be written in YAML)");
        return put(&Reflection::SetString, &Reflection::AddString, node.value);
      case FieldDescriptor::CPPTYPE_BOOL: {
        const auto parsed = parse_switch(node.value);
        if (!parsed) return wrong(node, path, "true or false");
        return put(&Reflection::SetBool, &Reflection::AddBool, *parsed);
      }
      case FieldDescriptor::CPPTYPE_UINT64: {
        const auto parsed = parse_size(node.value);
        if (!parsed) return wrong(node, path, "a whole number, for sizes also with a unit (400GB, 64MiB)");
        return put(&Reflection::SetUInt64, &Reflection::AddUInt64, *parsed);
      }
      case FieldDescriptor::CPPTYPE_UINT32: {
        const auto parsed = parse_integer(node.value);
        if (!parsed || !in_range<std::uint32_t>(*parsed))
          return wrong(node, path, "a whole number, 0 or more");
        return put(&Reflection::SetUInt32, &Reflection::AddUInt32, static_cast<std::uint32_t>(*parsed));
      }
      case FieldDescriptor::CPPTYPE_INT64: {
        const auto parsed = parse_integer(node.value);
        if (!parsed) return wrong(node, path, "a whole number");
        return put(&Reflection::SetInt64, &Reflection::AddInt64, *parsed);
      }
      case FieldDescriptor::CPPTYPE_INT32: {
        const auto parsed = parse_integer(node.value);
        if (!parsed || !in_range<std::int32_t>(*parsed)) return wrong(node, path, "a whole number");
        return put(&Reflection::SetInt32, &Reflection::AddInt32, static_cast<std::int32_t>(*parsed));
      }
      case FieldDescriptor::CPPTYPE_ENUM: {
        const EnumValueDescriptor* found = nullptr;
        std::vector<std::string> known;
        for (int i = 0; i < field.enum_type()->value_count(); ++i) {
          const auto* candidate = field.enum_type()->value(i);
          if (folded(candidate->name()) == folded(node.value)) found = candidate;
          known.push_back(candidate->name());
        }
        if (found == nullptr) return wrong(node, path, fmt::format("one of {}", fmt::join(known, ", ")));
        return put(&Reflection::SetEnum, &Reflection::AddEnum, found);
      }
      case FieldDescriptor::CPPTYPE_DOUBLE:
      case FieldDescriptor::CPPTYPE_FLOAT:
      case FieldDescriptor::CPPTYPE_MESSAGE:
        break;
    }
    return std::unexpected(
        yaml_error(name_, node,
                   fmt::format("{}: fields of type {} cannot be written in YAML", path, field.type_name())));
  }

  std::string_view name_;
};

}  // namespace

Status fill_message(const YamlNode& node, std::string_view name, Message& message) {
  return Filler(name).message(node, "", message);
}

Status read_yaml_into(std::string_view text, std::string_view name, Message& message) {
  auto documents = parse_yaml(text, name);
  if (!documents) return std::unexpected(documents.error());
  if (documents->size() != 1) {
    return fail(ErrorKind::invalid,
                fmt::format("{}: expected one document, found {}", name, documents->size()));
  }
  return fill_message(documents->front(), name, message);
}

}  // namespace metalmesh::adapters
