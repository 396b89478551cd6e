// Where an adapter finds the value behind a credential's name. Values live at the site only, in a 0600 file;
// they leave this seam towards a BMC and nowhere else.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "common/base/secret.h"

namespace metalmesh::adapters {

class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  /// User name and password, or nothing when this site has no credential of that name. Safe from any thread.
  [[nodiscard]] virtual std::optional<std::pair<std::string, Secret>> lookup(
      const std::string& name) const = 0;
};

}  // namespace metalmesh::adapters
