// YAML (or JSON) into a protobuf message, every scalar parsed by the type of *our* field and never by what
// YAML would make of it. Keys are the JSON names. Durations are written `30m`, sizes `400GB`, enum values in
// any case. An unknown field, a wrong type and a field given twice are errors that name file, line, path and,
// where one is close, the field that was probably meant.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "common/adapters/yaml_document.h"
#include "common/base/result.h"

namespace metalmesh::adapters {

/// Fills `message` from a mapping. On failure `message` is half filled and must not be used.
Status fill_message(const YamlNode& node, std::string_view name, google::protobuf::Message& message);

/// Exactly one document.
Status read_yaml_into(std::string_view text, std::string_view name, google::protobuf::Message& message);

template <class Message>
Result<Message> read_yaml(std::string_view text, std::string_view name) {
  Message message;
  if (auto status = read_yaml_into(text, name, message); !status) return std::unexpected(status.error());
  return message;
}

}  // namespace metalmesh::adapters
