// The folder of one mesh that runs in one terminal: keys, configuration, stores and logs, for its owner only
// (0700). It is locked while this lives, so that no two `metalmesh up` share it; the lock names the holder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/os/files.h"
#include "schemas/config/up.pb.h"

namespace metalmesh::up {

/// In such a folder: the context for the command line.
constexpr char client_file_name[] = "client.yaml";
/// $XDG_STATE_HOME/metalmesh, else ~/.local/state/metalmesh; empty without a home.
std::filesystem::path default_folder();

class MeshFolder {
 public:
  /// Makes and locks it. Refuses (conflict) a folder in use, and one that holds something else.
  static Result<MeshFolder> open(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }  // absolute
  [[nodiscard]] std::filesystem::path client_file() const { return path_ / client_file_name; }
  [[nodiscard]] std::filesystem::path log_file(const std::string& program) const;
  [[nodiscard]] std::filesystem::path agent_file(const std::string& site) const;

  /// Empty at the first start.
  [[nodiscard]] Result<config::Up> settings() const;
  /// Writes what is missing or has to change: settings, keys, certificates, configuration. The answer names
  /// files that a person has taken over and that were therefore left as they are.
  Result<std::vector<std::string>> write(const config::Up& before, const config::Up& settings, WallTime now);

 private:
  MeshFolder(std::filesystem::path path, os::Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::filesystem::path path_;
  os::Fd lock_;
};

}  // namespace metalmesh::up
