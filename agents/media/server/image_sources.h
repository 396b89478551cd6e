// From where a site fetches images. Who may order an install may name any URL: this keeps her from having the agent read its
// own machine or what stands beside it. Values; what they say does not depend on what is there.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace metalmesh::media {

struct ImageSources {
  std::vector<std::filesystem::path>
      folders;                    // below which file: images lie; none: there are no file: images
  std::vector<std::string> open;  // networks (CIDR) that are fine whatever they are

  /// Why nothing is fetched from this address; nothing: it may be.
  [[nodiscard]] std::optional<std::string> why_not(const std::string& address) const;
  /// Whether `path`, which leads over no link, lies below a folder; the folders are taken as they are.
  [[nodiscard]] bool have(const std::filesystem::path& path) const;
};

/// "10.0.0.0/24", "::1/128", or an address alone.
bool is_network(const std::string& text);

}  // namespace metalmesh::media
