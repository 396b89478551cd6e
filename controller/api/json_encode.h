// Messages as JSON: lowerCamelCase, enum names, absent and zero fields left out, map keys sorted, one line: the proto3
// mapping but for 64-bit integers, which are numbers as people and tools expect them. None of ours comes near 2^53, from
// where JavaScript would round. No message of the REST schema has a field that could hold
// a password. common/text/filler reads it.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace metalmesh::controller {

std::string encode_json(const google::protobuf::Message& message);

}  // namespace metalmesh::controller
