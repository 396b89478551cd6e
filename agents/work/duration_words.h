// Durations as people read them.
#pragma once

#include <string>

#include "common/base/time.h"

namespace metalmesh::work {

/// "45 s", "25 min", "3 h".
inline std::string for_people(Duration duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (seconds < 180) return std::to_string(seconds) + " s";
  if (seconds < 3 * 3600) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds / 3600) + " h";
}

}  // namespace metalmesh::work
