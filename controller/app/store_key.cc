#include "controller/app/store_key.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

namespace metalmesh::controller {
namespace {

namespace fs = std::filesystem;

constexpr char key_name[] = "store.key";

fs::path key_file(const ControllerOptions& options, const config::Controller& config) {
  if (!options.store_key.empty()) return options.store_key;
  if (const char* credentials = std::getenv("CREDENTIALS_DIRECTORY")) {
    std::error_code code;
    if (fs::path given = fs::path(credentials) / key_name; fs::exists(given, code)) return given;
  }
  return fs::path(config.signing_key()).parent_path() / key_name;
}

}  // namespace

Result<std::shared_ptr<const adapters::RowKeys>> open_store_key(const ControllerOptions& options,
                                                                const config::Controller& config) {
  const fs::path file = key_file(options, config);
  auto keys = adapters::RowKeys::from_file(file);
  if (!keys && keys.error().kind == ErrorKind::not_found) {
    keys.error().message +=
        ": the controller encrypts what it stores under a key in it. Next: bring it back from where this "
        "controller's keys are "
        "kept; where it never had one, \"metalmesh pki init --dir " +
        file.parent_path().string() + "\" makes it";
  }
  return keys;
}

}  // namespace metalmesh::controller
