// The controller's configuration, checked: what is missing or unreadable is named together with the step
// that repairs it, before anything is opened.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "controller/app/controller_options.h"
#include "schemas/config/controller.pb.h"

namespace metalmesh::controller {

/// Reads the file, applies the command line, fills in defaults and looks at every file that is named.
Result<config::Controller> load_config(const ControllerOptions& options);

/// The part that `store` and `restore` need: dataDir.
Result<config::Controller> load_store_config(const ControllerOptions& options);

struct ListenAddress {
  std::string address;
  std::uint16_t port = 0;
};
/// "127.0.0.1:8443", "[::]:8443"; port 0 lets the system choose.
Result<ListenAddress> parse_listen(std::string_view text);

}  // namespace metalmesh::controller
