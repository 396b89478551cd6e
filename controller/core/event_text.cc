#include "controller/core/event_text.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include "common/text/utf8.h"

namespace metalmesh::controller {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

constexpr int deepest = 32;

bool copy(std::string_view bytes, const google::protobuf::Descriptor& type, int depth, std::string& into);

/// What stands in a field with a length: text is made valid, messages are looked into, bytes stay.
bool mended(std::string& value, const FieldDescriptor* field, int depth) {
  if (field == nullptr) return true;
  if (field->type() == FieldDescriptor::TYPE_STRING) value = valid_utf8(std::move(value));
  if (field->type() != FieldDescriptor::TYPE_MESSAGE) return true;
  std::string inner;
  if (!copy(value, *field->message_type(), depth + 1, inner)) return false;
  value = std::move(inner);
  return true;
}

bool copy(std::string_view bytes, const google::protobuf::Descriptor& type, int depth, std::string& into) {
  if (depth > deepest) return false;
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  google::protobuf::io::StringOutputStream stream(&into);
  CodedOutputStream out(&stream);
  while (const std::uint32_t tag = in.ReadTag()) {
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&in, tag, &out)) return false;
      continue;
    }
    std::uint32_t size = 0;
    std::string value;
    if (!in.ReadVarint32(&size) || !in.ReadString(&value, static_cast<int>(size))) return false;
    if (!mended(value, type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag)), depth)) return false;
    out.WriteVarint32(tag);
    out.WriteVarint32(static_cast<std::uint32_t>(value.size()));
    out.WriteString(value);
  }
  return in.ConsumedEntireMessage();
}

}  // namespace

std::optional<std::string> with_valid_text(std::string_view bytes, const google::protobuf::Descriptor& type) {
  std::string out;
  if (!copy(bytes, type, 0, out)) return std::nullopt;
  return out;
}

}  // namespace metalmesh::controller
