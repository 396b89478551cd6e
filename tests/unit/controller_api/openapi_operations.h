// What openapi.yaml lists: each method of each path, in its order.
#pragma once

#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace metalmesh::controller {

struct Operation {
  std::string method;
  std::string path;  // as documented
};

inline std::vector<Operation> documented_operations() {
  std::vector<Operation> all;
  std::ifstream in(MM_OPENAPI_FILE);
  std::string path;
  bool in_paths = false;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.front() != ' ') in_paths = line == "paths:";
    if (!in_paths) continue;
    if (line.starts_with("  /")) path = line.substr(2, line.size() - 3);
    for (const auto& [key, method] : {std::pair{"    get:", "GET"},
                                      {"    put:", "PUT"},
                                      {"    post:", "POST"},
                                      {"    delete:", "DELETE"},
                                      {"    patch:", "PATCH"}}) {
      if (line == key) all.push_back({method, path});
    }
  }
  return all;
}

}  // namespace metalmesh::controller
