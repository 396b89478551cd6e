#include "common/text/filler/filler.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "common/text/filler/json_document.h"
#include "common/text/filler/yaml_document.h"
#include "common/text/letters.h"
#include "common/text/near_miss.h"
#include "common/text/scalars.h"
#include "common/text/utf8.h"

namespace metalmesh {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::util::TimeUtil;
using Type = TextNode::Type;
using Kind = TextNode::Kind;
using Filled = std::expected<void, Misfit>;

/// Enum values are told apart by their letters and digits alone: `refuse-if-on` is REFUSE_IF_ON.
std::string folded(std::string_view text) {
  std::string out = to_lower(text);
  std::erase_if(out, [](char c) { return c == '-' || c == '_' || c == ' '; });
  return out;
}

std::string got(const TextNode& node) {
  if (node.kind == Kind::mapping) return "fields";
  if (node.kind == Kind::sequence) return "a list";
  switch (node.type) {
    case Type::text:
      return "text";
    case Type::number:
      return "a number";
    case Type::truth:
      return "true or false";
    case Type::null:
      return "null";
    case Type::plain:
    case Type::quoted:
      break;
  }
  return fmt::format("\"{}\"", Utf8(std::string_view(node.value)).cut(60).str());
}

/// Whether the notation leaves open that `node` is of one of `types`.
bool may_be(const TextNode& node, std::initializer_list<Type> types) {
  return node.kind == Kind::scalar && (node.type == Type::plain || node.type == Type::quoted ||
                                       std::ranges::find(types, node.type) != types.end());
}

template <class Number>
std::string whole_number() {
  return fmt::format("a whole number from {} to {}", std::numeric_limits<Number>::min(),
                     std::numeric_limits<Number>::max());
}

class Filler {
 public:
  explicit Filler(const FillOptions& options) : options_(options) {}

  Filled message(const TextNode& node, const std::string& path, Message& out) const {
    const Descriptor* type = out.GetDescriptor();
    if (type == google::protobuf::Duration::descriptor()) return duration(node, path, out);
    if (type == google::protobuf::Timestamp::descriptor()) return timestamp(node, path, out);
    if (node.kind != Kind::mapping) return wrong(node, path, "fields (key: value)");
    for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
      const TextNode& key = node.children[i];
      const std::string here = path.empty() ? key.value : path + "." + key.value;
      if (std::ranges::find(options_.ignored, here) != options_.ignored.end()) continue;
      const FieldDescriptor* field = find_field(*type, key.value);
      if (field == nullptr) return unknown_field(key, here, *type);
      const TextNode& content = node.children[i + 1];
      // Nothing behind the name of a text field is the empty text, which is as good as absent.
      if (content.absent()) continue;
      if (auto done = value(content, here, *field, out); !done) return done;
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

  std::unexpected<Misfit> misfit(const TextNode& node, const std::string& path, std::string_view what,
                                 std::string next = {}) const {
    const std::string where(path.empty() ? options_.whole : std::string_view(path));
    return std::unexpected(
        Misfit{where, fmt::format("{}: {}", where, what), std::move(next), node.line, node.column});
  }

  std::unexpected<Misfit> wrong(const TextNode& node, const std::string& path,
                                std::string_view expected) const {
    return misfit(node, path, fmt::format("expected {}, got {}", expected, got(node)));
  }

  std::unexpected<Misfit> unknown_field(const TextNode& key, const std::string& path,
                                        const Descriptor& type) const {
    std::vector<std::string> known;
    for (int i = 0; i < type.field_count(); ++i) known.push_back(type.field(i)->json_name());
    if (known.empty()) return misfit(key, path, "unknown field", "no fields are expected here");
    const std::string meant = near_miss(key.value, known);
    return misfit(key, path, "unknown field",
                  meant.empty() ? fmt::format("known here: {}", fmt::join(known, ", "))
                                : fmt::format("did you mean \"{}\"?", meant));
  }

  Filled value(const TextNode& node, const std::string& path, const FieldDescriptor& field,
               Message& out) const {
    if (field.is_map()) return map(node, path, field, out);
    if (!field.is_repeated()) return single(node, path, field, out);
    if (node.kind != Kind::sequence) return wrong(node, path, "a list");
    std::size_t index = 0;
    for (const TextNode& item : node.children) {
      if (auto done = single(item, fmt::format("{}[{}]", path, index++), field, out); !done) return done;
    }
    return {};
  }

  /// A map field is a list of {key, value} to reflection.
  Filled map(const TextNode& node, const std::string& path, const FieldDescriptor& field,
             Message& out) const {
    if (node.kind != Kind::mapping) return wrong(node, path, "fields (key: value)");
    const Descriptor& entry = *field.message_type();
    for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
      const std::string here = path + "." + node.children[i].value;
      Message& added = *out.GetReflection()->AddMessage(&out, &field);
      if (auto done = scalar(node.children[i], here, *entry.map_key(), added); !done) return done;
      if (auto done = single(node.children[i + 1], here, *entry.map_value(), added); !done) return done;
    }
    return {};
  }

  /// Sets a singular field, or appends to a list.
  Filled single(const TextNode& node, const std::string& path, const FieldDescriptor& field,
                Message& out) const {
    if (node.kind == Kind::scalar && node.type == Type::null) return wrong(node, path, "a value");
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return scalar(node, path, field, out);
    const Reflection& reflection = *out.GetReflection();
    Message& inner =
        field.is_repeated() ? *reflection.AddMessage(&out, &field) : *reflection.MutableMessage(&out, &field);
    return node.absent() ? Filled() : message(node, path, inner);
  }

  Filled duration(const TextNode& node, const std::string& path, Message& out) const {
    const auto parsed = may_be(node, {Type::text}) ? parse_duration(node.value) : std::nullopt;
    if (!parsed) return wrong(node, path, "a duration such as 90s, 30m, 1h30m or 2d");
    static_cast<google::protobuf::Duration&>(out) = TimeUtil::NanosecondsToDuration(parsed->count());
    return {};
  }

  Filled timestamp(const TextNode& node, const std::string& path, Message& out) const {
    auto& time = static_cast<google::protobuf::Timestamp&>(out);
    if (may_be(node, {Type::text}) && TimeUtil::FromString(node.value, &time)) return {};
    return wrong(node, path, "a time such as 2026-11-22T14:00:00Z");
  }

  template <class Number, class Set, class Add>
  Filled number(const TextNode& node, const std::string& path, const FieldDescriptor& field, Message& out,
                Set set, Add add) const {
    const auto parsed = may_be(node, {Type::number}) ? parse_integer(node.value) : std::nullopt;
    if (!parsed || !std::in_range<Number>(*parsed)) return wrong(node, path, whole_number<Number>());
    put(field, out, set, add, static_cast<Number>(*parsed));
    return {};
  }

  template <class Set, class Add, class Value>
  static void put(const FieldDescriptor& field, Message& out, Set set, Add add, Value&& value) {
    const Reflection& reflection = *out.GetReflection();
    if (field.is_repeated()) {
      (reflection.*add)(&out, &field, std::forward<Value>(value));
    } else {
      (reflection.*set)(&out, &field, std::forward<Value>(value));
    }
  }

  Filled scalar(const TextNode& node, const std::string& path, const FieldDescriptor& field,
                Message& out) const {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        if (field.type() != FieldDescriptor::TYPE_STRING) break;
        if (!may_be(node, {Type::text})) return wrong(node, path, "text");
        put(field, out, &Reflection::SetString, &Reflection::AddString, node.value);
        return {};
      case FieldDescriptor::CPPTYPE_BOOL: {
        const auto parsed = may_be(node, {Type::truth}) ? parse_switch(node.value) : std::nullopt;
        if (!parsed) return wrong(node, path, "true or false");
        put(field, out, &Reflection::SetBool, &Reflection::AddBool, *parsed);
        return {};
      }
      case FieldDescriptor::CPPTYPE_UINT64: {
        // As text, too: beyond 2^53 not every JSON library keeps a number as it is.
        const auto parsed = may_be(node, {Type::number, Type::text}) ? parse_size(node.value) : std::nullopt;
        if (!parsed)
          return wrong(node, path, whole_number<std::uint64_t>() + ", or a size such as 400GB or 64MiB");
        put(field, out, &Reflection::SetUInt64, &Reflection::AddUInt64, *parsed);
        return {};
      }
      case FieldDescriptor::CPPTYPE_INT64: {
        const auto parsed =
            may_be(node, {Type::number, Type::text}) ? parse_integer(node.value) : std::nullopt;
        if (!parsed) return wrong(node, path, whole_number<std::int64_t>());
        put(field, out, &Reflection::SetInt64, &Reflection::AddInt64, *parsed);
        return {};
      }
      case FieldDescriptor::CPPTYPE_UINT32:
        return number<std::uint32_t>(node, path, field, out, &Reflection::SetUInt32, &Reflection::AddUInt32);
      case FieldDescriptor::CPPTYPE_INT32:
        return number<std::int32_t>(node, path, field, out, &Reflection::SetInt32, &Reflection::AddInt32);
      case FieldDescriptor::CPPTYPE_ENUM:
        return enumerator(node, path, field, out);
      case FieldDescriptor::CPPTYPE_DOUBLE:
      case FieldDescriptor::CPPTYPE_FLOAT:
      case FieldDescriptor::CPPTYPE_MESSAGE:
        break;
    }
    return misfit(node, path, "cannot be written");
  }

  Filled enumerator(const TextNode& node, const std::string& path, const FieldDescriptor& field,
                    Message& out) const {
    std::vector<std::string> known;
    const EnumValueDescriptor* found = nullptr;
    for (int i = 0; i < field.enum_type()->value_count(); ++i) {
      const auto* candidate = field.enum_type()->value(i);
      if (folded(candidate->name()) == folded(node.value)) found = candidate;
      known.push_back(candidate->name());
    }
    if (!may_be(node, {Type::text}) || found == nullptr) {
      TextNode shown = node;
      if (shown.type == Type::text) shown.type = Type::quoted;  // a name is no secret
      auto misfit = wrong(shown, path, fmt::format("one of {}", fmt::join(known, ", ")));
      const std::string meant = near_miss(node.value, known);
      if (!meant.empty()) misfit.error().next = fmt::format("did you mean \"{}\"?", meant);
      return misfit;
    }
    put(field, out, &Reflection::SetEnum, &Reflection::AddEnum, found);
    return {};
  }

  const FillOptions& options_;
};

}  // namespace

std::expected<void, Misfit> fill(const TextNode& node, Message& message, const FillOptions& options) {
  return Filler(options).message(node, "", message);
}

Status fill_message(const TextNode& node, std::string_view name, Message& message,
                    std::span<const std::string_view> ignored) {
  const auto filled = fill(node, message, {.ignored = ignored});
  if (filled) return {};
  const Misfit& misfit = filled.error();
  TextNode there;
  there.line = misfit.line;
  there.column = misfit.column;
  const std::string next = misfit.next.empty() ? std::string() : "; " + misfit.next;
  return std::unexpected(error_at(name, there, misfit.message + next));
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

std::expected<void, Misfit> read_json_into(std::string_view text, Message& message,
                                           const FillOptions& options) {
  auto document = parse_json(text, options.whole);
  if (document) return fill(*document, message, options);
  JsonFault& fault = document.error();
  return std::unexpected(Misfit{
      .field = std::move(fault.field), .message = std::move(fault.message), .next = std::move(fault.next)});
}

}  // namespace metalmesh
