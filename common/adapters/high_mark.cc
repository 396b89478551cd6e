#include "common/adapters/high_mark.h"

#include <fcntl.h>

#include <array>
#include <cstring>
#include <string_view>

#include "common/base/crc32c.h"

namespace metalmesh::adapters {
namespace {

struct Line {
  std::uint64_t mark = 0;
  std::uint64_t sum = 0;
};

std::uint64_t sum_of(std::uint64_t mark) {
  std::array<char, sizeof mark> bytes{};
  std::memcpy(bytes.data(), &mark, sizeof mark);
  return crc32c({bytes.data(), bytes.size()});
}

}  // namespace

HighMark::HighMark(const std::filesystem::path& path, Use use)
    : file_(use == Use::keep ? ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)
                             : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  Line line;
  if (file_ && ::pread(file_.get(), &line, sizeof line, 0) == static_cast<ssize_t>(sizeof line) &&
      line.sum == sum_of(line.mark))
    found_ = line.mark;
}

void HighMark::set(std::uint64_t mark) const {
  const Line line{mark, sum_of(mark)};
  if (file_) static_cast<void>(::pwrite(file_.get(), &line, sizeof line, 0));
}

}  // namespace metalmesh::adapters
