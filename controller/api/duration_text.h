// Durations as people write them: "90s", "30m", "1h30m", "2d", "1.5s", "250ms".
#pragma once

#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"

namespace metalmesh::controller {

/// Not negative, at most 10 years; a bare number is refused because its unit would be a guess.
Result<Duration> parse_duration(std::string_view text);

}  // namespace metalmesh::controller
