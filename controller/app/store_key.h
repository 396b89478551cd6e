// The key under which the controller's store is encrypted: where it lies, and what to do when it does not.
#pragma once

#include <memory>

#include "common/adapters/row_cipher.h"
#include "controller/app/controller_options.h"
#include "schemas/config/controller.pb.h"

namespace metalmesh::controller {

/// --store-key, else the systemd credential "store.key", else store.key beside the signing key. Kinds: as
/// RowKeys::from_file.
Result<std::shared_ptr<const adapters::RowKeys>> open_store_key(const ControllerOptions& options,
                                                                const config::Controller& config);

}  // namespace metalmesh::controller
