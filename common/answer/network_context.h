// The network part of what templates can name.
#pragma once

#include <boost/json/object.hpp>

#include "schemas/wire/host.pb.h"

namespace metalmesh::answer {

/// Of a checked network: its links in order, split by kind, and the one the installer itself should use.
boost::json::object network_context(const wire::Network& network);

}  // namespace metalmesh::answer
