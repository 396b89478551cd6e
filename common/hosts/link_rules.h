// The part of the host rules that is about links: names, what is built on what, addresses and gateways.
#pragma once

#include <optional>

#include "common/hosts/host_rules.h"

namespace metalmesh::hosts {

std::optional<HostFault> check_links(wire::Network& network);

/// A gateway that answers on the link though none of its networks holds it. Link-local ones need no network.
bool is_outside(const wire::Link& link, const std::string& gateway);

/// The link with the default route, else the first that has an address or asks DHCP; null when none does.
const wire::Link* primary_link(const wire::Network& network);

}  // namespace metalmesh::hosts
