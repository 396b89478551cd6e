// The command line of metalmesh-agent.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "common/adapters/log_writer.h"

namespace metalmesh::agent {

enum class AgentAction {
  run,
  serve_media,
  check_config,
  set_credential,
  release_credential,
  list_credentials,
  import_images,
  list_images,
  release_images,
  inspect_image,
  support_bundle,
  check_store,
  settle_row,
  stop_all,
  resume
};

struct AgentOptions {
  AgentAction action = AgentAction::run;
  std::filesystem::path config = "/etc/metalmesh/agent.yaml";
  std::filesystem::path data_dir;  // empty: as configured
  adapters::LogFormat log_format = adapters::LogFormat::text;
  LogLevel log_level = LogLevel::info;
  // credential set | release
  std::string credential;
  std::string username;
  std::filesystem::path password_file;  // empty: prompt, or the first line of stdin
  // image import | release
  std::vector<std::string> images;  // files and folders | digests
  std::string image_sha256;         // empty: what lies beside the file says, or any
  // image inspect
  std::filesystem::path families;  // folder of more family files; empty: none
  std::string family;              // empty: the one that is recognised
  // store settle
  std::string row;
  std::string through;  // a number; empty: not given
  std::string note;     // of stop-all the reason
  bool json = false;
  std::filesystem::path bundle;  // support-bundle; empty: a name with the time, here
};

/// Prints help, version or what is wrong; the unexpected value is then the exit code (0, or 2 for wrong
/// usage).
std::expected<AgentOptions, int> parse_options(int argc, const char* const* argv, const std::string& version);

}  // namespace metalmesh::agent
