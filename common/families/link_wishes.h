// What an order asks of links, resolvers and search domains that a family's own templates may not express.
#pragma once

#include <optional>
#include <string>

#include "schemas/config/family.pb.h"
#include "schemas/wire/host.pb.h"

namespace metalmesh::families {

/// The first one that `can` does not hold, in the words of an order ("bonds").
std::optional<std::string> unable_link_wish(const config::Abilities& can, const wire::Network& network);

bool has_static_link(const wire::Network& network);

/// Where an address is static, the link with it has a gateway of its kind (of IPv4, if it has both).
bool has_the_gateway_it_needs(const wire::Network& network);

}  // namespace metalmesh::families
