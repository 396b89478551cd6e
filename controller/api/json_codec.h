// Between JSON text and protobuf messages: the proto3 JSON mapping, with strict input.
//
// Input: every unknown field, wrong type, duplicate key or number out of range is refused with its path;
// depth and size are bounded; null means "absent". Beyond the mapping, durations may be written "30m" or
// "1h30m". Output: lowerCamelCase, enum names, 64-bit integers as strings, absent and zero fields left
// out, map keys sorted, one line. No message of the REST schema has a field that could hold a password.
#pragma once

#include <google/protobuf/message.h>

#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace metalmesh::controller {

inline constexpr std::size_t json_bytes_most = 1U << 20;
inline constexpr std::size_t json_depth_most = 24;

struct JsonFault {
  std::string field;    // "spec.iso.urls[1]"; empty when the text is not JSON at all
  std::string message;  // names what was expected and what was there
  std::string next;     // "did you mean ..."; may be empty
};

/// Paths in `ignored` are skipped with all that is below them, whatever they hold (read-only parts that
/// people send back after a GET). `into` must be empty; after a fault its content is unspecified.
std::expected<void, JsonFault> decode_json(std::string_view text, google::protobuf::Message& into,
                                           std::span<const std::string_view> ignored = {});

std::string encode_json(const google::protobuf::Message& message);

}  // namespace metalmesh::controller
