// A hardware type as one server is: its facts, and rules that find what was named on it. Pure.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::cli {

struct HardwareCapture {
  std::string type;
  std::string server;
  std::vector<std::string>
      roles;          // "root=Disk.Bay.0": of a drive its place, serial or WWN, of a card its name or MAC
  bool must = false;  // every fact
};

/// Fails with what the server has where a role is nothing of it.
Result<rest::HardwareType> captured_type(const HardwareCapture& wanted, const rest::Server& server,
                                         const rest::ServerInventory& inventory);

}  // namespace metalmesh::cli
