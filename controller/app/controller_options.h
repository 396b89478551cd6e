// The command line of metalmesh-controller.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "common/adapters/log_writer.h"

namespace metalmesh::controller {

struct ControllerOptions {
  std::filesystem::path config = "/etc/metalmesh/controller.yaml";
  std::filesystem::path data_dir;   // empty: as configured
  std::string listen;               // empty: as configured
  std::filesystem::path store_key;  // empty: where store_key.h looks
  adapters::LogFormat log_format = adapters::LogFormat::text;
  LogLevel log_level = LogLevel::info;
  bool check_config = false;
  bool check_store = false;      // store check
  bool restore = false;          // restore
  std::filesystem::path folder;  // restore: of the backup; store check: of a store, empty: as configured
};

/// Prints help, version or what is wrong; the unexpected value is then the exit code (0, or 2 for wrong
/// usage).
std::expected<ControllerOptions, int> parse_options(int argc, const char* const* argv,
                                                    const std::string& version);

}  // namespace metalmesh::controller
