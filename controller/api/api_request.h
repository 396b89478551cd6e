// One request after routing and authentication: what an endpoint gets to see.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/ports/http_client.h"
#include "controller/api/access.h"
#include "controller/api/routes.h"

namespace metalmesh::controller {

struct ApiRequest {
  const Route* route = nullptr;
  std::string path;
  std::vector<std::string> captures;
  std::map<std::string, std::string> query;
  Headers headers;  // names in lower case
  std::string body;
  Principal principal;

  /// The first header of that (lower-case) name; nullptr when there is none.
  [[nodiscard]] const std::string* header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return &value;
    }
    return nullptr;
  }
  [[nodiscard]] const std::string* parameter(const std::string& name) const {
    const auto found = query.find(name);
    return found == query.end() ? nullptr : &found->second;
  }
};

}  // namespace metalmesh::controller
