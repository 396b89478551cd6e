#include "common/base/check.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <string>

namespace metalmesh {

void check_failed(std::string_view condition, std::string_view file, int line) {
  const std::string told = "metalmesh: check failed: " + std::string(condition) + " (" + std::string(file) +
                           ":" + std::to_string(line) + ")\n";
  // Whoever does not read our log must not keep us from ending: as much as surely fits, after a moment at
  // most.
  constexpr int patience_ms = 1000;
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&ready, 1, patience_ms) > 0) [[maybe_unused]]
    const auto written = ::write(STDERR_FILENO, told.data(), std::min<std::size_t>(told.size(), PIPE_BUF));
  std::abort();
}

}  // namespace metalmesh
