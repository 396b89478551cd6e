#include "common/adapters/os_entropy.h"

#include <sys/random.h>

#include <cerrno>

#include "common/base/check.h"

namespace metalmesh::adapters {

std::string OsEntropy::bytes(std::size_t count) {
  std::string out(count, '\0');
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got = getrandom(out.data() + done, count - done, 0);
    if (got < 0 && errno == EINTR) continue;
    MM_CHECK(got > 0);
    done += static_cast<std::size_t>(got);
  }
  return out;
}

}  // namespace metalmesh::adapters
