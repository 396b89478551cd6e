#include "controller/api/json_encode.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <utility>
#include <vector>

#include "common/base/digest.h"

namespace metalmesh::controller {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::util::TimeUtil;
namespace json = boost::json;

json::value value_of(const Message& message);

/// One value of a field: the only one (index < 0) or one of a repeated field.
json::value field_value(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& r = *message.GetReflection();
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return one ? r.GetBool(message, &field) : r.GetRepeatedBool(message, &field, index);
    case FieldDescriptor::CPPTYPE_INT32:
      return one ? r.GetInt32(message, &field) : r.GetRepeatedInt32(message, &field, index);
    case FieldDescriptor::CPPTYPE_UINT32:
      return one ? r.GetUInt32(message, &field) : r.GetRepeatedUInt32(message, &field, index);
    case FieldDescriptor::CPPTYPE_INT64:
      return one ? r.GetInt64(message, &field) : r.GetRepeatedInt64(message, &field, index);
    case FieldDescriptor::CPPTYPE_UINT64:
      return one ? r.GetUInt64(message, &field) : r.GetRepeatedUInt64(message, &field, index);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return one ? r.GetDouble(message, &field) : r.GetRepeatedDouble(message, &field, index);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return static_cast<double>(one ? r.GetFloat(message, &field)
                                     : r.GetRepeatedFloat(message, &field, index));
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number =
          one ? r.GetEnumValue(message, &field) : r.GetRepeatedEnumValue(message, &field, index);
      const auto* known = field.enum_type()->FindValueByNumber(number);
      if (known == nullptr) return number;  // from a newer agent
      return json::string(known->name());
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      const std::string& text = one ? r.GetStringReference(message, &field, &scratch)
                                    : r.GetRepeatedStringReference(message, &field, index, &scratch);
      if (field.type() == FieldDescriptor::TYPE_BYTES) return json::string(to_base64(text));
      return json::string(text);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return value_of(one ? r.GetMessage(message, &field) : r.GetRepeatedMessage(message, &field, index));
  }
  return nullptr;
}

/// Sorted by key: protobuf's maps have no order of their own.
json::value map_value(const Message& message, const FieldDescriptor& field) {
  const Reflection& r = *message.GetReflection();
  const FieldDescriptor& key = *field.message_type()->map_key();
  const FieldDescriptor& value = *field.message_type()->map_value();
  std::map<std::string, json::value> sorted;
  for (int i = 0; i < r.FieldSize(message, &field); ++i) {
    const Message& entry = r.GetRepeatedMessage(message, &field, i);
    const json::value name = field_value(entry, key, -1);
    std::string text = name.is_string() ? std::string(name.get_string()) : json::serialize(name);
    sorted.insert_or_assign(std::move(text), field_value(entry, value, -1));
  }
  json::object out;
  for (auto& [name, item] : sorted) out.insert_or_assign(name, std::move(item));
  return out;
}

json::value value_of(const Message& message) {
  if (message.GetDescriptor() == google::protobuf::Timestamp::descriptor()) {
    return json::string(TimeUtil::ToString(static_cast<const google::protobuf::Timestamp&>(message)));
  }
  if (message.GetDescriptor() == google::protobuf::Duration::descriptor()) {
    return json::string(TimeUtil::ToString(static_cast<const google::protobuf::Duration&>(message)));
  }
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  json::object out;
  for (const FieldDescriptor* field : fields) {
    json::value& place = out[field->json_name()];
    if (field->is_map()) {
      place = map_value(message, *field);
    } else if (field->is_repeated()) {
      json::array& items = place.emplace_array();
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        items.push_back(field_value(message, *field, i));
      }
    } else {
      place = field_value(message, *field, -1);
    }
  }
  return out;
}

}  // namespace

std::string encode_json(const Message& message) { return json::serialize(value_of(message)); }

}  // namespace metalmesh::controller
