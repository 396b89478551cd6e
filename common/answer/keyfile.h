// A link as NetworkManager's keyfile, for systems that are given files instead of settings (CoreOS). Source:
// NetworkManager documentation, nm-settings-keyfile(5).
#pragma once

#include <string>

#include "schemas/wire/host.pb.h"

namespace metalmesh::answer {

std::string keyfile_of(const wire::Network& network, const wire::Link& link);

}  // namespace metalmesh::answer
