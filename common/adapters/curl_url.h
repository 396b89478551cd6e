// URLs as the HTTP client needs them: which queue a request belongs to.
#pragma once

#include <string>

#include "common/base/result.h"

namespace metalmesh::adapters {

struct Origin {
  std::string scheme;  // lower case
  std::string host;    // lower case
  std::string port;
  bool operator==(const Origin&) const = default;
  [[nodiscard]] std::string str() const { return scheme + "://" + host + ":" + port; }
};

/// Kind invalid when `url` is not an absolute http(s) URL, or carries a user name or password.
Result<Origin> origin_of(const std::string& url);
}  // namespace metalmesh::adapters
