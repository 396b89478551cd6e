// Configuration: a YAML file read into one message of schemas/config. What is a path is marked there
// (schemas/config/path.proto). Relative ones are resolved against the file's folder, so that a configuration
// means the same from every working directory.
#pragma once

#include <google/protobuf/message.h>

#include <filesystem>
#include <string_view>

#include "common/base/result.h"

namespace metalmesh::adapters {

Status read_config_into(const std::filesystem::path& file, google::protobuf::Message& message);

/// `read_config<config::Agent>("/etc/metalmesh/agent.yaml")`
template <class Message>
Result<Message> read_config(const std::filesystem::path& file) {
  Message message;
  if (auto status = read_config_into(file, message); !status) return std::unexpected(status.error());
  return message;
}

/// Whether what the marks ask for is there: files can be read, folders are folders, what may not be left out
/// is given. `message` is a configuration, or the part of one at `prefix` ("media"). Errors name the field
/// and, for what `metalmesh pki init` makes, that command. Kinds: invalid (not given), not_found, denied.
Status check_paths(const google::protobuf::Message& message, std::string_view prefix = {});

}  // namespace metalmesh::adapters
