#include "common/os/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace metalmesh::os {

std::string errno_text(int code) { return std::generic_category().message(code); }

Error errno_error(std::string_view what, const std::filesystem::path& path, int code) {
  const ErrorKind kind = code == ENOENT                                      ? ErrorKind::not_found
                         : code == EACCES || code == EPERM || code == EROFS  ? ErrorKind::denied
                         : code == ENOSPC || code == EDQUOT || code == EFBIG ? ErrorKind::exhausted
                                                                             : ErrorKind::internal;
  return fail(kind, fmt::format("{} {}: {}", what, path.string(), errno_text(code))).error();
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::unexpected(errno_error("reading", path, errno));
  std::string out;
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error("reading", path, errno));
    if (got == 0) return out;
    out.append(buffer, static_cast<std::size_t>(got));
    if (out.size() > limit) {
      return fail(ErrorKind::exhausted,
                  fmt::format("reading {}: longer than {} bytes", path.string(), limit));
    }
  }
}

Status write_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode) {
  std::string temporary = path.string() + ".XXXXXX";
  // mkostemp makes the file 0600, so secrets are never readable in between.
  const Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return std::unexpected(errno_error("writing", path, errno));
  if (!write_all(fd.get(), bytes) || ::fchmod(fd.get(), mode) != 0 || ::fsync(fd.get()) != 0 ||
      ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int code = errno;
    ::unlink(temporary.c_str());
    return std::unexpected(errno_error("writing", path, code));
  }
  return sync_folder(path.has_parent_path() ? path.parent_path() : ".");
}

Result<std::vector<std::filesystem::path>> files_in(const std::filesystem::path& folder,
                                                    std::string_view ending) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ending) files.push_back(at->path());
  }
  if (error) return std::unexpected(errno_error("reading", folder, error.value()));
  std::ranges::sort(files);
  return files;
}

Status sync_folder(const std::filesystem::path& folder) {
  const Fd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) {
    return std::unexpected(errno_error("syncing", folder, errno));
  }
  return {};
}

Result<Fd> lock_file(const std::filesystem::path& path, Held held) {
  Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return std::unexpected(errno_error("opening", path, errno));
  int done = 0;
  do {
    done = ::flock(lock.get(), held == Held::wait ? LOCK_EX : LOCK_EX | LOCK_NB);
  } while (done != 0 && errno == EINTR);
  if (done == 0) return lock;
  if (errno == EWOULDBLOCK) return fail(ErrorKind::conflict, path.string() + " is held by another process");
  return std::unexpected(errno_error("locking", path, errno));
}

Status check_private(const std::filesystem::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return std::unexpected(errno_error("reading", path, errno));
  if ((info.st_mode & 077) != 0) {
    return fail(ErrorKind::denied,
                fmt::format("{} may be read or changed by other users (mode {:04o}); run: chmod 600 {}",
                            path.string(), info.st_mode & 07777, path.string()));
  }
  return {};
}

std::optional<DiskRoom> disk_room(const std::filesystem::path& path) {
  struct statvfs info{};
  if (::statvfs(path.c_str(), &info) != 0) return std::nullopt;
  return DiskRoom{.bytes = std::uint64_t{info.f_blocks} * info.f_frsize,
                  .free_bytes = std::uint64_t{info.f_bavail} * info.f_frsize};
}

}  // namespace metalmesh::os
