#include "tests/contract/media/dead_file.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <unistd.h>

namespace metalmesh::media::test {

DeadFile::DeadFile(const std::string& path, At at)
    : group_(::fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY)) {
  const std::uint64_t what = at == At::open ? FAN_OPEN_PERM : FAN_ACCESS_PERM;
  marked_ = group_ >= 0 && ::fanotify_mark(group_, FAN_MARK_ADD, what, AT_FDCWD, path.c_str()) == 0;
}

DeadFile::~DeadFile() {
  if (group_ >= 0) ::close(group_);
}

}  // namespace metalmesh::media::test
