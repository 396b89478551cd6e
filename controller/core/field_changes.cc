#include "controller/core/field_changes.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <map>
#include <utility>

namespace metalmesh::controller {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::size_t most = 64;       // of one object
constexpr std::size_t longest = 1024;  // bytes of a value

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text.substr(0, longest)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out + (text.size() > longest ? "...\"" : "\"");
}

/// Durations and times are values to people.
bool is_value(const FieldDescriptor& field) {
  return field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE ||
         field.message_type()->file()->package() == "google.protobuf";
}

/// The value at `index` of a repeated field, or (below zero) of a single one.
std::string text_of(const Message& message, const FieldDescriptor& field, int index) {
  const auto& r = *message.GetReflection();
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return quoted(one ? r.GetString(message, &field) : r.GetRepeatedString(message, &field, index));
    case FieldDescriptor::CPPTYPE_BOOL:
      return (one ? r.GetBool(message, &field) : r.GetRepeatedBool(message, &field, index)) ? "true"
                                                                                            : "false";
    case FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(one ? r.GetInt32(message, &field) : r.GetRepeatedInt32(message, &field, index));
    case FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(one ? r.GetUInt32(message, &field) : r.GetRepeatedUInt32(message, &field, index));
    case FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(one ? r.GetInt64(message, &field) : r.GetRepeatedInt64(message, &field, index));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(one ? r.GetUInt64(message, &field) : r.GetRepeatedUInt64(message, &field, index));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return std::to_string(one ? r.GetDouble(message, &field) : r.GetRepeatedDouble(message, &field, index));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return std::to_string(one ? r.GetFloat(message, &field) : r.GetRepeatedFloat(message, &field, index));
    case FieldDescriptor::CPPTYPE_ENUM:
      return (one ? r.GetEnum(message, &field) : r.GetRepeatedEnum(message, &field, index))->name();
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      std::string json;
      const Message& inner =
          one ? r.GetMessage(message, &field) : r.GetRepeatedMessage(message, &field, index);
      const auto written = google::protobuf::util::MessageToJsonString(inner, &json);
      return written.ok() ? json : std::string();
    }
  }
  return {};
}

class Changes {
 public:
  explicit Changes(std::vector<FieldChange>& out) : out_(out) {}

  void between(const Message& from, const Message& to, const std::string& path) {
    const auto* descriptor = to.GetDescriptor();
    for (int i = 0; i < descriptor->field_count(); ++i) {
      const FieldDescriptor& field = *descriptor->field(i);
      const std::string name = path + (path.empty() ? "" : ".") + std::string(field.json_name());
      if (field.is_map()) {
        of_map(from, to, field, name);
      } else if (field.is_repeated()) {
        of_list(from, to, field, name);
      } else {
        of_one(from, to, field, name);
      }
    }
  }

 private:
  void add(const std::string& name, std::string from, std::string to) {
    if (from != to && out_.size() < most) out_.push_back({name, std::move(from), std::move(to)});
  }

  void of_one(const Message& from, const Message& to, const FieldDescriptor& field, const std::string& name) {
    const auto& r = *to.GetReflection();
    const bool had = r.HasField(from, &field);
    const bool has = r.HasField(to, &field);
    if (!is_value(field)) {
      if (had || has) between(r.GetMessage(from, &field), r.GetMessage(to, &field), name);
      return;
    }
    add(name, had ? text_of(from, field, -1) : std::string(), has ? text_of(to, field, -1) : std::string());
  }

  /// Item by item, while both have one.
  void of_list(const Message& from, const Message& to, const FieldDescriptor& field,
               const std::string& name) {
    const auto& r = *to.GetReflection();
    const int before = r.FieldSize(from, &field);
    const int after = r.FieldSize(to, &field);
    for (int i = 0; i < std::max(before, after); ++i) {
      const std::string item = name + "[" + std::to_string(i) + "]";
      if (i < before && i < after && !is_value(field)) {
        between(r.GetRepeatedMessage(from, &field, i), r.GetRepeatedMessage(to, &field, i), item);
      } else {
        add(item, i < before ? text_of(from, field, i) : std::string(),
            i < after ? text_of(to, field, i) : std::string());
      }
    }
  }

  static std::map<std::string, std::string> entries(const Message& message, const FieldDescriptor& field) {
    std::map<std::string, std::string> out;
    const auto& r = *message.GetReflection();
    for (int i = 0; i < r.FieldSize(message, &field); ++i) {
      const Message& entry = r.GetRepeatedMessage(message, &field, i);
      std::string key = text_of(entry, *field.message_type()->map_key(), -1);
      if (key.starts_with('"')) key = key.substr(1, key.size() - 2);
      out[std::move(key)] = text_of(entry, *field.message_type()->map_value(), -1);
    }
    return out;
  }

  void of_map(const Message& from, const Message& to, const FieldDescriptor& field, const std::string& name) {
    const auto before = entries(from, field);
    const auto after = entries(to, field);
    for (const auto& [key, value] : before) {
      const auto now = after.find(key);
      add(name + "." + key, value, now == after.end() ? std::string() : now->second);
    }
    for (const auto& [key, value] : after) {
      if (!before.contains(key)) add(name + "." + key, {}, value);
    }
  }

  std::vector<FieldChange>& out_;
};

}  // namespace

void find_changes(const Message& from, const Message& to, const std::string& path,
                  std::vector<FieldChange>& changes) {
  Changes(changes).between(from, to, path);
}

}  // namespace metalmesh::controller
