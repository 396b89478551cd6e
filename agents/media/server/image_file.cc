#include "agents/media/server/image_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace metalmesh::media {
namespace {

/// Beyond this only `read_now` knows.
constexpr std::uint64_t most_mapped = 64ULL << 30;
/// What is asked about in one call.
constexpr std::size_t block_bytes = 1 << 20;
constexpr std::size_t most_pages = block_bytes / 4096;  // no machine has smaller ones
/// The kernel drops what was not read for longest: not what was there so lately, while it is being read.
constexpr Duration taken_for_there = std::chrono::seconds(1);

std::uint64_t page_bytes() {
  static const auto bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

std::string text_of(int code) { return std::error_code(code, std::generic_category()).message(); }

/// To whoever may not write it the kernel says of every page that it is there.
bool may_ask(const struct stat& status, const std::string& path) {
  return status.st_uid == ::geteuid() || ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

}  // namespace

Result<std::shared_ptr<ImageFile>> ImageFile::open(const std::string& path) {
  FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) {
    const bool none_left = errno == EMFILE || errno == ENFILE;
    return fail(none_left ? ErrorKind::exhausted : ErrorKind::unavailable, path + ": " + text_of(errno));
  }
  if (!S_ISREG(status.st_mode)) return fail(ErrorKind::invalid, path + ": not a regular file");
  std::shared_ptr<ImageFile> image(new ImageFile(
      path, std::move(file), static_cast<std::uint64_t>(status.st_size), status.st_dev, status.st_ino));
  if (may_ask(status, path)) image->map();
  return image;
}

ImageFile::ImageFile(std::string path, FileHandle file, std::uint64_t size, std::uint64_t device,
                     std::uint64_t inode)
    : path_(std::move(path)), file_(std::move(file)), size_(size), device_(device), inode_(inode) {}

ImageFile::~ImageFile() {
  if (pages_ != nullptr) ::munmap(pages_, mapped_);
}

void ImageFile::map() {
  mapped_ = std::min(size_, most_mapped);
  if (mapped_ == 0) return;
  void* pages = ::mmap(nullptr, mapped_, PROT_READ, MAP_SHARED | MAP_NORESERVE, file_.get(), 0);
  if (pages == MAP_FAILED) {
    mapped_ = 0;
  } else {
    pages_ = pages;
    whole_until_.resize((mapped_ + block_bytes - 1) / block_bytes);
  }
}

ImageFile::Place ImageFile::place() const {
  struct stat status{};
  if (::stat(path_.c_str(), &status) != 0) return Place::gone;
  return status.st_dev == device_ && status.st_ino == inode_ ? Place::same : Place::replaced;
}

std::size_t ImageFile::in_block(std::uint64_t block, std::size_t at, MonoTime now) {
  const std::uint64_t from = block * block_bytes;
  const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(block_bytes, mapped_ - from));
  if (now < whole_until_[block]) return length - at;
  const std::size_t pages = (length + page_bytes() - 1) / page_bytes();
  std::array<unsigned char, most_pages> there{};
  if (::mincore(static_cast<char*>(pages_) + from, length, there.data()) != 0) return 0;
  const auto end = there.begin() + static_cast<std::ptrdiff_t>(pages);
  const auto missing = [](unsigned char page) { return (page & 1U) == 0; };
  const auto first = there.begin() + static_cast<std::ptrdiff_t>(at / page_bytes());
  const auto gap = std::find_if(first, end, missing);
  if (gap == end && std::find_if(there.begin(), first, missing) == first)
    whole_until_[block] = now + taken_for_there;
  const std::size_t had = std::min(length, static_cast<std::size_t>(gap - there.begin()) * page_bytes());
  return had <= at ? 0 : had - at;
}

std::size_t ImageFile::in_memory(std::uint64_t offset, std::size_t length, MonoTime now) {
  if (offset >= mapped_) return 0;
  const std::uint64_t end = offset + std::min<std::uint64_t>(length, mapped_ - offset);
  std::uint64_t at = offset;
  while (at < end) {
    const std::uint64_t next = (at / block_bytes + 1) * block_bytes;
    at += in_block(at / block_bytes, static_cast<std::size_t>(at % block_bytes), now);
    if (at < next) break;
  }
  return static_cast<std::size_t>(std::min(at, end) - offset);
}

std::size_t ImageFile::read_now(std::uint64_t offset, char* into, std::size_t length, MonoTime now) {
  iovec to{into, length};
  if (reads_now_) {
    const auto got = ::preadv2(file_.get(), &to, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS) return 0;
    reads_now_ = false;
  }
  to.iov_len = in_memory(offset, length, now);
  if (to.iov_len == 0) return 0;
  const auto got = ::pread(file_.get(), to.iov_base, to.iov_len, static_cast<off_t>(offset));
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

ImageFile::Got ImageFile::read(std::uint64_t offset, std::size_t length) const {
  Got got{std::string(length, '\0'), {}};
  std::size_t had = 0;
  while (had < length) {
    const auto count =
        ::pread(file_.get(), got.bytes.data() + had, length - had, static_cast<off_t>(offset + had));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      got.why = count == 0 ? "the file is shorter than it was" : text_of(errno);
      break;
    }
    had += static_cast<std::size_t>(count);
  }
  got.bytes.resize(had);
  return got;
}

}  // namespace metalmesh::media
