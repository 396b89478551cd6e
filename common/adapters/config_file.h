// Configuration: a YAML file read into one message of schemas/config, with relative paths resolved against
// the file's folder, so that a configuration means the same from every working directory.
#pragma once

#include <google/protobuf/message.h>

#include <filesystem>

#include "common/base/result.h"

namespace metalmesh::adapters {

/// Which fields are paths is a table in config_file.cc.
Status read_config_into(const std::filesystem::path& file, google::protobuf::Message& message);

/// `read_config<config::Agent>("/etc/metalmesh/agent.yaml")`
template <class Message>
Result<Message> read_config(const std::filesystem::path& file) {
  Message message;
  if (auto status = read_config_into(file, message); !status) return std::unexpected(status.error());
  return message;
}

}  // namespace metalmesh::adapters
