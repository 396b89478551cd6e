#include "controller/state/row_codec.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

namespace metalmesh::controller {

std::string encode_row(const google::protobuf::MessageLite& message) {
  return row_version + canonical_bytes(message);
}

Status decode_row(std::string_view value, google::protobuf::MessageLite& message) {
  if (value.empty()) return fail(ErrorKind::corrupt, "empty row");
  if (value.front() != row_version) {
    return fail(ErrorKind::unsupported, "row version " + std::to_string(static_cast<int>(value.front())) +
                                            "; this controller knows " +
                                            std::to_string(static_cast<int>(row_version)) +
                                            ": start the version that wrote it");
  }
  value.remove_prefix(1);
  if (!message.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return fail(ErrorKind::corrupt, "not a " + message.GetTypeName());
  }
  return {};
}

std::string canonical_bytes(const google::protobuf::MessageLite& message) {
  std::string bytes;
  bytes.reserve(message.ByteSizeLong());
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

}  // namespace metalmesh::controller
