// The socket in the data folder through which an agent and its media server talk: 0600, and of any path
// length, because a sockaddr_un has room for 107 bytes only and data folders lie deep.
#pragma once

#include <string>

#include "agents/media/server/file_handle.h"
#include "common/base/result.h"

namespace metalmesh::media {

/// Listens as `name` in `folder`, in place of whatever a dead process left there. Non-blocking.
Result<FileHandle> listen_in(const std::string& folder, const std::string& name);
/// Fails with `unavailable` while nobody listens. Non-blocking from then on.
Result<FileHandle> connect_in(const std::string& folder, const std::string& name);

}  // namespace metalmesh::media
