#include "common/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace metalmesh {

void check_failed(std::string_view condition, std::string_view file, int line) {
  std::fprintf(stderr, "metalmesh: check failed: %.*s (%.*s:%d)\n", static_cast<int>(condition.size()),
               condition.data(), static_cast<int>(file.size()), file.data(), line);
  std::abort();
}

}  // namespace metalmesh
