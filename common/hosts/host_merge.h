// Profile, site, rollout and server each give a part of what a server is to become.
#pragma once

#include "schemas/wire/host.pb.h"

namespace metalmesh::hosts {

/// What `over` sets wins over `base`, field by field. A list that is not empty replaces the other as a whole,
/// because two half lists of links or users make none that anybody meant; so does the rule for the disk.
void merge_host(wire::Host& base, const wire::Host& over);

}  // namespace metalmesh::hosts
