#include "common/adapters/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace metalmesh::adapters {
namespace {

constexpr std::size_t usual_limit = 1024;
/// Some systems say "unlimited"; tables that large are of no use.
constexpr rlim_t most_descriptors = 1U << 20;

std::size_t limit_now() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return usual_limit;
  return static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur, most_descriptors));
}

}  // namespace

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = std::min(limit.rlim_max, std::max(limit.rlim_cur, most_descriptors));
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  return limit_now();
}

bool is_out_of_descriptors(int os_error) { return os_error == EMFILE || os_error == ENFILE; }

bool out_of_descriptors() {
  const int probe = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const bool out = probe < 0 && is_out_of_descriptors(errno);
  if (probe >= 0) ::close(probe);
  return out;
}

std::string no_descriptor_left() {
  return "this process has " + std::to_string(limit_now()) +
         " descriptors and all are in use; next: raise LimitNOFILE of its unit (ulimit -n)";
}

Result<std::size_t> connections_within(std::size_t limit, const DescriptorNeeds& needs) {
  if (limit < needs.own + needs.least) {
    return fail(ErrorKind::exhausted, "this process may open " + std::to_string(limit) +
                                          " descriptors and needs " +
                                          std::to_string(needs.own + needs.least) +
                                          " at least: raise LimitNOFILE of its unit (ulimit -n)");
  }
  return std::min(needs.most, limit - needs.own);
}

}  // namespace metalmesh::adapters
