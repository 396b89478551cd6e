// What is needed to understand a Metalmesh from afar, in one archive: texts with every known secret replaced,
// the flight recorder's segments as they are (they were masked before they were written), and a manifest with
// sizes and digests, which also names what could not be had.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/recording/secret_set.h"

namespace metalmesh::adapters {

class SupportBundle {
 public:
  /// `program` and `version` go into the manifest. `mask_key` is random and kept nowhere. `tell` hears of
  /// every part.
  SupportBundle(std::string program, std::string version, std::uint64_t mask_key,
                std::function<void(const std::string& line)> tell);

  /// A secret that whoever makes the bundle knows: it is replaced wherever it stands.
  void hide(std::string_view secret) { secrets_.learn(secret); }

  enum class Kind {
    plain,   // logs, metrics
    json,    // objects of the API, one document or one a line
    config,  // YAML
  };
  void text(std::string name, std::string text, Kind kind);
  /// A part that could not be had is named, with the reason.
  void text(std::string name, Result<std::string> text, Kind kind);
  void missing(std::string name, std::string why);

  // ---- parts that every node has; `folder` is its data folder
  void config_file(const std::string& name, const std::filesystem::path& file);
  /// The last `most` bytes.
  void log_file(const std::string& name, const std::filesystem::path& file, std::size_t most);
  void recording(const std::string& name, const std::filesystem::path& folder);
  void folder_facts(const std::string& name, const std::filesystem::path& folder);
  void machine_facts(const std::string& name);

  /// Masks, and writes everything with the manifest in front. The bundle is empty afterwards.
  Status write(const std::filesystem::path& path, WallTime now);

 private:
  struct Part {
    std::string name;
    std::string bytes;
    bool masked = false;  // already
  };
  struct Missing {
    std::string name;
    std::string why;
  };
  [[nodiscard]] std::string manifest(WallTime now) const;

  std::string program_;
  std::string version_;
  std::function<void(const std::string& line)> tell_;
  recording::SecretSet secrets_;
  std::vector<Part> parts_;
  std::vector<Missing> missing_;
};

}  // namespace metalmesh::adapters
