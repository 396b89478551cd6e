#include "agents/media/server/image_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "agents/media/server/file_handle.h"
#include "common/base/digest.h"

namespace metalmesh::media {
namespace {

constexpr std::size_t hash_chunk = 1U << 20;

Error os_error(const std::string& what) {
  const int code = errno;
  const ErrorKind kind = code == ENOSPC || code == EDQUOT ? ErrorKind::exhausted : ErrorKind::unavailable;
  return {kind, what + ": " + std::error_code(code, std::generic_category()).message()};
}

void remove_file(const std::string& path) { ::unlink(path.c_str()); }

/// "size mtime-in-nanoseconds", or nothing when there is no such file.
std::optional<std::string> stamp_of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return std::to_string(status.st_size) + " " + std::to_string(status.st_mtim.tv_sec) + "." +
         std::to_string(status.st_mtim.tv_nsec);
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Status write_synced(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  const FileHandle file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fsync(file.get()) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0) {
    return std::unexpected(os_error(path));
  }
  return {};
}

Result<std::string> digest_of(const std::string& path, const std::atomic<bool>& cancelled) {
  const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::unexpected(os_error(path));
  posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  Sha256Stream digest;
  std::vector<char> chunk(hash_chunk);
  while (true) {
    if (cancelled) return fail(ErrorKind::unavailable, "stopped");
    const auto got = ::read(file.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(os_error(path));
    if (got == 0) return to_hex(digest.finish());
    digest.update({chunk.data(), static_cast<std::size_t>(got)});
  }
}

}  // namespace

bool is_image_name(const std::string& sha256) {
  return sha256.size() == 64 && std::all_of(sha256.begin(), sha256.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Result<ImageFolder> ImageFolder::open(std::string path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail(ErrorKind::unavailable, "image folder " + path + ": " + error.message());
  return ImageFolder(std::move(path));
}

Status ImageFolder::sync_folder() const {
  const FileHandle folder(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return std::unexpected(os_error(path_));
  return {};
}

Status ImageFolder::write_marker(const std::string& sha256) {
  const auto stamp = stamp_of(image(sha256));
  if (!stamp) return std::unexpected(os_error(image(sha256)));
  return write_synced(path_ + "/" + sha256 + ".ok", *stamp + "\n");
}

Result<bool> ImageFolder::verified(const std::string& sha256, const std::atomic<bool>& cancelled) {
  const auto stamp = stamp_of(image(sha256));
  if (!stamp) return false;
  if (first_line(path_ + "/" + sha256 + ".ok") == *stamp) return true;
  auto digest = digest_of(image(sha256), cancelled);
  if (!digest) return std::unexpected(digest.error());
  if (*digest != sha256) {
    remove_file(image(sha256));
    return false;
  }
  if (auto marked = write_marker(sha256); !marked) return std::unexpected(marked.error());
  return true;
}

Status ImageFolder::promote(const std::string& sha256, const std::atomic<bool>& cancelled) {
  const std::string from = part(sha256);
  {
    const FileHandle file(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || ::fsync(file.get()) != 0) return std::unexpected(os_error(from));
  }
  auto digest = digest_of(from, cancelled);
  if (!digest) return std::unexpected(digest.error());
  if (*digest != sha256) {
    remove_part(sha256);
    return fail(ErrorKind::corrupt, "its SHA-256 is " + *digest + ", expected " + sha256);
  }
  if (::rename(from.c_str(), image(sha256).c_str()) != 0) return std::unexpected(os_error(from));
  remove_part(sha256);
  if (auto marked = write_marker(sha256); !marked) return marked;
  return sync_folder();
}

std::uint64_t ImageFolder::part_size(const std::string& sha256) const {
  struct stat status{};
  return ::stat(part(sha256).c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

std::optional<PartOrigin> ImageFolder::origin(const std::string& sha256) const {
  std::ifstream file(path_ + "/" + sha256 + ".from");
  PartOrigin origin;
  if (!std::getline(file, origin.url) || !std::getline(file, origin.validator)) return std::nullopt;
  return origin;
}

void ImageFolder::remember_origin(const std::string& sha256, const PartOrigin& origin) {
  std::ofstream(path_ + "/" + sha256 + ".from", std::ios::trunc) << origin.url << '\n'
                                                                 << origin.validator << '\n';
}

void ImageFolder::remove_part(const std::string& sha256) {
  remove_file(part(sha256));
  remove_file(path_ + "/" + sha256 + ".from");
}

void ImageFolder::remove_all(const std::string& sha256) {
  remove_file(path_ + "/" + sha256 + ".ok");
  remove_file(image(sha256));
  remove_part(sha256);
}

std::uint64_t ImageFolder::free_bytes() const {
  struct statvfs space{};
  if (::statvfs(path_.c_str(), &space) != 0) return 0;
  return static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
}

}  // namespace metalmesh::media
