// Messages as JSON: the proto3 mapping. lowerCamelCase, enum names, 64-bit integers as strings, absent and
// zero fields left out, map keys sorted, one line. No message of the REST schema has a field that could hold
// a password. common/text/filler reads it.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace metalmesh::controller {

std::string encode_json(const google::protobuf::Message& message);

}  // namespace metalmesh::controller
