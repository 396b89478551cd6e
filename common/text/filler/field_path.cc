#include "common/text/filler/field_path.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <span>

#include "common/text/letters.h"
#include "common/text/near_miss.h"

namespace metalmesh {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::TimeUtil;

bool is_time(const FieldDescriptor& field) {
  return field.message_type() == google::protobuf::Timestamp::descriptor();
}
bool is_duration(const FieldDescriptor& field) {
  return field.message_type() == google::protobuf::Duration::descriptor();
}
bool is_value(const FieldDescriptor& field) {
  return field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || is_time(field) || is_duration(field);
}

const FieldDescriptor* field_named(const Descriptor& type, std::string_view name) {
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->json_name() == name || type.field(i)->name() == name) return type.field(i);
  }
  return nullptr;
}

std::string unknown_field(const Descriptor& type, std::string_view name) {
  std::vector<std::string> names;
  std::string all;
  for (int i = 0; i < type.field_count(); ++i) {
    names.emplace_back(type.field(i)->json_name());
    all += (all.empty() ? "" : ", ") + names.back();
  }
  const std::string near = near_miss(std::string(name), names);
  return "there is no field \"" + std::string(name.substr(0, 80)) + "\"; " +
         (near.empty() ? "there are " + all : "did you mean " + near + "?");
}

FieldPath::Sort sort_of(const FieldDescriptor& field) {
  if (is_time(field)) return FieldPath::Sort::time;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return FieldPath::Sort::truth;
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT64:
      return FieldPath::Sort::number;
    default:
      return FieldPath::Sort::text;
  }
}

std::string text_of(const Message& message, const FieldDescriptor& field, int index) {
  const auto& r = *message.GetReflection();
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return one ? r.GetString(message, &field) : r.GetRepeatedString(message, &field, index);
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
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* value = one ? r.GetEnum(message, &field) : r.GetRepeatedEnum(message, &field, index);
      return to_lower(std::string(value->name()));
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const Message& inner =
          one ? r.GetMessage(message, &field) : r.GetRepeatedMessage(message, &field, index);
      if (is_time(field)) return TimeUtil::ToString(static_cast<const google::protobuf::Timestamp&>(inner));
      if (is_duration(field))
        return TimeUtil::ToString(static_cast<const google::protobuf::Duration&>(inner));
      return {};
    }
  }
  return {};
}

/// Whether a field that is not set has a value all the same.
bool has_default(const FieldDescriptor& field) {
  const auto sort = sort_of(field);
  return !field.has_presence() && (sort == FieldPath::Sort::number || sort == FieldPath::Sort::truth);
}

void collect(const Message& message, std::span<const FieldDescriptor* const> path, const std::string& key,
             std::vector<std::string>& out) {
  const FieldDescriptor& field = *path.front();
  const auto& r = *message.GetReflection();
  if (field.is_map()) {
    const auto* entry = field.message_type();
    for (int i = 0; i < r.FieldSize(message, &field); ++i) {
      const Message& each = r.GetRepeatedMessage(message, &field, i);
      if (text_of(each, *entry->map_key(), -1) == key) out.push_back(text_of(each, *entry->map_value(), -1));
    }
    return;
  }
  const int count = field.is_repeated() ? r.FieldSize(message, &field) : 1;
  for (int i = 0; i < count; ++i) {
    const int index = field.is_repeated() ? i : -1;
    if (path.size() > 1) {
      if (index < 0 && !r.HasField(message, &field)) continue;
      collect(index < 0 ? r.GetMessage(message, &field) : r.GetRepeatedMessage(message, &field, index),
              path.subspan(1), key, out);
    } else if (index >= 0 || r.HasField(message, &field) || has_default(field)) {
      out.push_back(text_of(message, field, index));
    }
  }
}

}  // namespace

std::expected<FieldPath, std::string> FieldPath::of(const Descriptor& type, std::string_view path) {
  FieldPath out;
  const Descriptor* at = &type;
  std::string_view rest = path;
  while (true) {
    const std::string_view name = rest.substr(0, rest.find('.'));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    const FieldDescriptor* field = field_named(*at, name);
    if (field == nullptr) return std::unexpected(unknown_field(*at, name));
    out.fields_.push_back(field);
    if (field->is_map()) {
      if (rest.empty()) return std::unexpected(std::string(path) + " wants the name of an entry behind it");
      if (!is_value(*field->message_type()->map_value()))
        return std::unexpected(std::string(path) + " holds no value");
      out.key_ = std::string(rest);
      return out;
    }
    if (is_value(*field)) {
      if (!rest.empty()) return std::unexpected("behind " + std::string(name) + " there is nothing more");
      out.sort_ = sort_of(*field);
      return out;
    }
    if (rest.empty())
      return std::unexpected(std::string(path) + " is none by itself; " +
                             unknown_field(*field->message_type(), ""));
    at = field->message_type();
  }
}

std::vector<std::string> FieldPath::values(const Message& message) const {
  std::vector<std::string> out;
  collect(message, fields_, key_, out);
  return out;
}

void find_texts(const Message& message, std::vector<std::string>& texts) {
  const auto& r = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  r.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const int count = field->is_repeated() ? r.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      const int index = field->is_repeated() ? i : -1;
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        texts.push_back(text_of(message, *field, index));
      } else if (!is_value(*field)) {
        find_texts(index < 0 ? r.GetMessage(message, field) : r.GetRepeatedMessage(message, field, index),
                   texts);
      }
    }
  }
}

}  // namespace metalmesh
