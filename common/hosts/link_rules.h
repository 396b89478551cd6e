// The part of the host rules that is about links: names, what is built on what, addresses and gateways.
#pragma once

#include <optional>

#include "common/hosts/host_rules.h"

namespace metalmesh::hosts {

std::optional<HostFault> check_links(wire::Network& network);

}  // namespace metalmesh::hosts
