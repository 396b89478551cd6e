// Messages as text: JSON for the API and for programs, YAML for people. Pure.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace metalmesh::cli {

enum class Layout { compact, pretty };

/// The protobuf mapping: lowerCamelCase, enum names.
std::string to_json(const google::protobuf::Message& message, Layout layout = Layout::compact);
/// Fields this release does not know are ignored: the controller may be newer.
Status from_json(std::string_view text, google::protobuf::Message& message);
/// Reads back to the same message; long texts are blocks.
std::string to_yaml(const google::protobuf::Message& message);

}  // namespace metalmesh::cli
