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
  /// Ignores what did not succeed, or does not say how long it took. `profile` is "name" or "name@version":
  /// versions count as one, because most of them change nothing that takes time.
  void add(const rest::Deployment& deployment, const std::string& profile, const std::string& image);
  /// Nothing when there was none.
  [[nodiscard]] std::optional<InstallFigures> of(const std::string& site, const std::string& profile) const;
  /// The least that one with this very version of the profile, "name@version", read of this image, at any site; 0: none is known.
  [[nodiscard]] std::uint64_t least_read(const std::string& image, const std::string& profile) const;

 private:
  struct Install {
    WallTime ended;
    InstallFigures took;
  };
  std::map<std::pair<std::string, std::string>, std::vector<Install>> installs_;  // the newest, by their end
  std::map<std::pair<std::string, std::string>, std::uint64_t> least_read_;       // by image and profile
};

}  // namespace metalmesh::controller
