// Messages as text: JSON for the API, JSON and YAML for people and their programs. Pure.
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
/// What people and programs get: as above, but numbers of 64 bits are numbers, and names of enums are without
/// the prefix that all of them share. What may be applied reads back to the same.
std::string shown_json(const google::protobuf::Message& message, Layout layout = Layout::pretty);
/// The same as YAML; long texts are blocks.
std::string to_yaml(const google::protobuf::Message& message);

}  // namespace metalmesh::cli
