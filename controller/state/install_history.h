// What earlier installs took, by site and profile: the only ground on which an end is foretold. Derived from
// the deployments that succeeded, so it needs no rows of its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/time.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

/// Medians.
struct InstallFigures {
  std::uint32_t installs = 0;  // they come from
  Duration to_launch{};        // from the site taking it up
  Duration run{};              // from the launch to the end
  std::uint64_t bytes_read = 0;
  std::uint64_t package_bytes = 0;
};

class InstallHistory {
 public:
  /// Ignores what did not succeed; of what does not say how long it took only the reads count. `profile` is "name@version".
  void add(const rest::Deployment& deployment, const std::string& profile, const std::string& image_sha256);
  /// Versions of the profile count as one, because most of them change nothing that takes time. Nothing when there was none.
  [[nodiscard]] std::optional<InstallFigures> of(const std::string& site, const std::string& profile) const;
  /// What installs of this image by this very version of the profile read, in bytes: the least of each site, and of the sites
  /// the one with the most, so that what a single site tells makes it no smaller for others. 0: none is known.
  [[nodiscard]] std::uint64_t usual_reads(const std::string& image_sha256, const std::string& profile) const;

 private:
  struct Install {
    WallTime ended;
    InstallFigures took;
  };
  std::map<std::pair<std::string, std::string>, std::vector<Install>> installs_;  // the newest, by their end
  using LeastBySite = std::map<std::string, std::uint64_t>;
  std::map<std::pair<std::string, std::string>, LeastBySite> reads_;  // by image and version of the profile
};

}  // namespace metalmesh::controller
