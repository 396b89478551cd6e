// A zone file of the system's tzdata (RFC 9636, version 2 and later), read strictly: what does not fit is no zone.
#pragma once

#include <string_view>

#include "common/zones/zone.h"

namespace metalmesh::zones {

Result<Zone> read_tzif(std::string_view bytes);

}  // namespace metalmesh::zones
