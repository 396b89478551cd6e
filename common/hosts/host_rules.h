// What a wire::Host may say, whoever renders it: addresses in their networks, gateways inside, links that
// exist, names and hashes that are some. Nothing here knows an installer; what a family cannot render is the
// family's to refuse.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "schemas/wire/host.pb.h"

namespace metalmesh::hosts {

struct HostFault {
  std::string field;    // "network.links[1].gateways[0]"
  std::string message;  // one sentence that names the value
};

/// Normalises in place (MACs and WWNs in lower case, addresses and hashes in their canonical form, defaults
/// of bonds) and answers with the first thing that is wrong. A part of a host (a profile's, a site's) follows
/// the same rules.
std::optional<HostFault> check_host(wire::Host& host);

/// Addresses that the host will have, without prefixes: no two servers of a site may share one.
std::vector<std::string> addresses_of(const wire::Host& host);

}  // namespace metalmesh::hosts
