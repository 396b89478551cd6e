#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <limits>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/text/near_miss.h"
#include "controller/api/duration_text.h"
#include "controller/api/json_codec.h"

namespace metalmesh::controller {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::util::TimeUtil;
namespace json = boost::json;

using Decoded = std::expected<void, JsonFault>;

std::unexpected<JsonFault> fault(std::string field, std::string message, std::string next = {}) {
  return std::unexpected(JsonFault{std::move(field), std::move(message), std::move(next)});
}

std::string_view kind_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a boolean";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
      return "a number";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "a list";
    case json::kind::object:
      return "an object";
  }
  return "something else";
}

std::unexpected<JsonFault> wrong_type(const std::string& path, std::string_view expected,
                                      const json::value& got) {
  return fault(path, path + ": expected " + std::string(expected) + ", got " + std::string(kind_of(got)));
}

/// Keys that occur twice in one object. The text is known to be valid JSON.
class DuplicateKeyScan {
 public:
  /// The first repeated key, or nothing.
  std::optional<std::string> run(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      switch (text[i]) {
        case '{':
          open_.push_back({true, true, {}});
          break;
        case '[':
          open_.push_back({false, false, {}});
          break;
        case '}':
        case ']':
          open_.pop_back();
          break;
        case ',':
          open_.back().expects_key = open_.back().is_object;
          break;
        case '"': {
          const std::size_t end = string_end(text, i);
          if (!open_.empty() && open_.back().expects_key) {
            std::string key(text.substr(i + 1, end - i - 1));
            if (!open_.back().keys.insert(key).second) return key;
            open_.back().expects_key = false;
          }
          i = end;
          break;
        }
        default:
          break;
      }
    }
    return std::nullopt;
  }

 private:
  struct Level {
    bool is_object;
    bool expects_key;
    std::set<std::string> keys;
  };
  static std::size_t string_end(std::string_view text, std::size_t begin) {
    std::size_t i = begin + 1;
    while (text[i] != '"') i += text[i] == '\\' ? 2 : 1;
    return i;
  }
  std::vector<Level> open_;
};

template <class Int>
std::optional<Int> integer(const json::value& value, bool string_allowed) {
  if (value.is_int64()) {
    const std::int64_t number = value.get_int64();
    if (std::in_range<Int>(number)) return static_cast<Int>(number);
  } else if (value.is_uint64()) {
    const std::uint64_t number = value.get_uint64();
    if (std::in_range<Int>(number)) return static_cast<Int>(number);
  } else if (value.is_string() && string_allowed) {
    const json::string& text = value.get_string();
    Int number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
  }
  return std::nullopt;
}

template <class Int>
std::string range_of() {
  return "a whole number from " + std::to_string(std::numeric_limits<Int>::min()) + " to " +
         std::to_string(std::numeric_limits<Int>::max());
}

class Decoder {
 public:
  explicit Decoder(std::span<const std::string_view> ignored) : ignored_(ignored) {}

  Decoded object(const json::value& value, Message& into, const std::string& path) const {
    if (!value.is_object()) return wrong_type(path.empty() ? "the body" : path, "an object", value);
    for (const auto& member : value.get_object()) {
      const std::string key(member.key());
      const std::string where = path.empty() ? key : path + "." + key;
      if (std::ranges::find(ignored_, where) != ignored_.end()) continue;
      const FieldDescriptor* known = field_named(*into.GetDescriptor(), key);
      if (known == nullptr) return unknown_field(*into.GetDescriptor(), key, where, path);
      if (member.value().is_null()) continue;
      if (auto done = field(member.value(), into, *known, where); !done) return done;
    }
    return {};
  }

 private:
  static const FieldDescriptor* field_named(const Descriptor& type, const std::string& key) {
    for (int i = 0; i < type.field_count(); ++i) {
      if (type.field(i)->json_name() == key) return type.field(i);
    }
    return nullptr;
  }

  static std::unexpected<JsonFault> unknown_field(const Descriptor& type, const std::string& key,
                                                  const std::string& where, const std::string& path) {
    std::vector<std::string> names;
    for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->json_name());
    const std::string near = near_miss(key, names);
    std::string next;
    if (!near.empty()) {
      next = "did you mean \"" + near + "\"?";
    } else if (!names.empty()) {
      next = "known here:";
      for (const std::string& name : names) next += " " + name;
    } else {
      next = "this request takes no fields";
    }
    return fault(where, "unknown field \"" + key + "\"" + (path.empty() ? "" : " in " + path), next);
  }

  Decoded field(const json::value& value, Message& into, const FieldDescriptor& known,
                const std::string& where) const {
    if (known.is_map()) return map(value, into, known, where);
    if (!known.is_repeated()) return single(value, into, known, where);
    if (!value.is_array()) return wrong_type(where, "a list", value);
    std::size_t index = 0;
    for (const json::value& item : value.get_array()) {
      const std::string place = where + "[" + std::to_string(index++) + "]";
      if (item.is_null()) return wrong_type(place, "a value", item);
      if (auto done = single(item, into, known, place); !done) return done;
    }
    return {};
  }

  Decoded map(const json::value& value, Message& into, const FieldDescriptor& known,
              const std::string& where) const {
    if (!value.is_object()) return wrong_type(where, "an object", value);
    for (const auto& member : value.get_object()) {
      const std::string place = where + "." + std::string(member.key());
      if (member.value().is_null()) return wrong_type(place, "a value", member.value());
      Message& entry = *into.GetReflection()->AddMessage(&into, &known);
      entry.GetReflection()->SetString(&entry, known.message_type()->map_key(), std::string(member.key()));
      if (auto done = single(member.value(), entry, *known.message_type()->map_value(), place); !done)
        return done;
    }
    return {};
  }

  /// Sets a singular field, or appends to a repeated one.
  Decoded single(const json::value& value, Message& into, const FieldDescriptor& known,
                 const std::string& where) const {
    const Reflection& r = *into.GetReflection();
    const bool add = known.is_repeated();
    switch (known.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING: {
        if (known.type() == FieldDescriptor::TYPE_BYTES) return fault(where, where + " cannot be set");
        if (!value.is_string()) return wrong_type(where, "a string", value);
        std::string text(value.get_string());
        add ? r.AddString(&into, &known, std::move(text)) : r.SetString(&into, &known, std::move(text));
        return {};
      }
      case FieldDescriptor::CPPTYPE_BOOL:
        if (!value.is_bool()) return wrong_type(where, "true or false", value);
        add ? r.AddBool(&into, &known, value.get_bool()) : r.SetBool(&into, &known, value.get_bool());
        return {};
      case FieldDescriptor::CPPTYPE_UINT32: {
        const auto number = integer<std::uint32_t>(value, false);
        if (!number) return bad_number<std::uint32_t>(value, where);
        add ? r.AddUInt32(&into, &known, *number) : r.SetUInt32(&into, &known, *number);
        return {};
      }
      case FieldDescriptor::CPPTYPE_INT32: {
        const auto number = integer<std::int32_t>(value, false);
        if (!number) return bad_number<std::int32_t>(value, where);
        add ? r.AddInt32(&into, &known, *number) : r.SetInt32(&into, &known, *number);
        return {};
      }
      // The mapping writes 64-bit integers as strings, so both forms must be read.
      case FieldDescriptor::CPPTYPE_UINT64: {
        const auto number = integer<std::uint64_t>(value, true);
        if (!number) return bad_number<std::uint64_t>(value, where);
        add ? r.AddUInt64(&into, &known, *number) : r.SetUInt64(&into, &known, *number);
        return {};
      }
      case FieldDescriptor::CPPTYPE_INT64: {
        const auto number = integer<std::int64_t>(value, true);
        if (!number) return bad_number<std::int64_t>(value, where);
        add ? r.AddInt64(&into, &known, *number) : r.SetInt64(&into, &known, *number);
        return {};
      }
      case FieldDescriptor::CPPTYPE_ENUM:
        return enumerator(value, into, known, where);
      case FieldDescriptor::CPPTYPE_MESSAGE: {
        Message& inner = add ? *r.AddMessage(&into, &known) : *r.MutableMessage(&into, &known);
        return message(value, inner, where);
      }
      case FieldDescriptor::CPPTYPE_DOUBLE:
      case FieldDescriptor::CPPTYPE_FLOAT:
        break;
    }
    return fault(where, where + " cannot be set");
  }

  template <class Int>
  static std::unexpected<JsonFault> bad_number(const json::value& value, const std::string& where) {
    if (value.is_number()) return fault(where, where + ": expected " + range_of<Int>());
    return wrong_type(where, "a whole number", value);
  }

  static Decoded enumerator(const json::value& value, Message& into, const FieldDescriptor& known,
                            const std::string& where) {
    if (!value.is_string()) return wrong_type(where, "a name", value);
    const std::string name(value.get_string());
    const auto* found = known.enum_type()->FindValueByName(name);
    if (found == nullptr) {
      std::vector<std::string> names;
      for (int i = 0; i < known.enum_type()->value_count(); ++i)
        names.push_back(known.enum_type()->value(i)->name());
      const std::string near = near_miss(name, names);
      return fault(where, where + ": unknown value \"" + name + "\"",
                   near.empty() ? std::string() : "did you mean \"" + near + "\"?");
    }
    const Reflection& r = *into.GetReflection();
    known.is_repeated() ? r.AddEnum(&into, &known, found) : r.SetEnum(&into, &known, found);
    return {};
  }

  Decoded message(const json::value& value, Message& into, const std::string& where) const {
    if (into.GetDescriptor() == google::protobuf::Duration::descriptor()) {
      if (!value.is_string()) return wrong_type(where, "a duration such as \"30m\"", value);
      const auto length = parse_duration(value.get_string());
      if (!length) return fault(where, where + ": " + length.error().message);
      static_cast<google::protobuf::Duration&>(into) = TimeUtil::NanosecondsToDuration(length->count());
      return {};
    }
    if (into.GetDescriptor() == google::protobuf::Timestamp::descriptor()) {
      auto& stamp = static_cast<google::protobuf::Timestamp&>(into);
      if (!value.is_string() || !TimeUtil::FromString(std::string(value.get_string()), &stamp)) {
        return wrong_type(where, "a time such as \"2026-03-02T22:00:00Z\"", value);
      }
      return {};
    }
    return object(value, into, where);
  }

  std::span<const std::string_view> ignored_;
};

}  // namespace

std::expected<void, JsonFault> decode_json(std::string_view text, Message& into,
                                           std::span<const std::string_view> ignored) {
  if (text.size() > json_bytes_most) return fault({}, "the body is longer than 1 MiB");
  json::error_code error;
  json::parse_options options;
  options.max_depth = json_depth_most;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (error == json::error::too_deep) return fault({}, "the body is nested more than 24 levels deep");
  if (error) return fault({}, "the body is not JSON: " + error.message(), "check quotes, commas and braces");
  if (const auto twice = DuplicateKeyScan().run(text)) {
    return fault(*twice, "key \"" + *twice + "\" is given twice in one object");
  }
  return Decoder(ignored).object(value, into, {});
}

}  // namespace metalmesh::controller
