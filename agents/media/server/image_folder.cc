#include "agents/media/server/image_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <tuple>
#include <vector>

#include "common/base/digest.h"
#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

constexpr std::size_t hash_chunk = 1U << 20;
constexpr std::size_t most_marker_bytes = 512;

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

/// What the file really occupies: a part may own more blocks than it has bytes.
std::uint64_t room_of(const struct stat& status) {
  constexpr std::uint64_t block = 512;  // of st_blocks
  return static_cast<std::uint64_t>(status.st_blocks) * block;
}

std::uint64_t room_of(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? room_of(status) : 0;
}

std::string marker_text(const std::string& stamp, bool imported) {
  return stamp + (imported ? "\nimported\n" : "\n");
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

/// The whole of a small file; nothing when there is none.
Result<std::optional<std::string>> small_file(const std::string& path) {
  const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::optional<std::string>();
  std::string text(most_marker_bytes, '\0');
  const auto got = file ? ::read(file.get(), text.data(), text.size()) : -1;
  if (got < 0) return std::unexpected(os_error(path));
  text.resize(static_cast<std::size_t>(got));
  return text;
}

/// The open file `from` piece by piece: hashed, and written to `to` unless that is closed.
Result<std::string> digest_through(const FileHandle& from, const FileHandle& to, const OnBytes& go_on) {
  posix_fadvise(from.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  Sha256Stream digest;
  std::vector<char> chunk(hash_chunk);
  while (true) {
    const auto got = ::read(from.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(ErrorKind::corrupt, os_error("reading").message);
    if (got == 0) return to_hex(digest.finish());
    const std::string_view bytes(chunk.data(), static_cast<std::size_t>(got));
    digest.update(bytes);
    for (std::size_t done = 0; to && done < bytes.size();) {
      const auto put = ::write(to.get(), bytes.data() + done, bytes.size() - done);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return std::unexpected(os_error("writing the copy"));
      done += static_cast<std::size_t>(put);
    }
    if (!go_on(bytes.size())) return fail(ErrorKind::unavailable, "stopped");
  }
}

/// Those that no process has locked.
void remove_dead_imports(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".import") continue;
    const FileHandle file(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
    if (file && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) remove_file(entry.path());
  }
}

}  // namespace

Result<std::string> digest_of(const std::string& path, const OnBytes& go_on) {
  const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::unexpected(os_error(path));
  auto digest = digest_through(file, FileHandle(), go_on);
  if (!digest) return std::unexpected(std::move(digest.error()).with(path));
  return digest;
}

bool is_image_name(const std::string& sha256) {
  return sha256.size() == 64 &&
         std::all_of(sha256.begin(), sha256.end(), [](char c) { return is_lower_hex(c); });
}

Result<ImageFolder> ImageFolder::open(std::string path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail(ErrorKind::unavailable, "image folder " + path + ": " + error.message());
  remove_dead_imports(path);
  return ImageFolder(std::move(path));
}

Status ImageFolder::sync_folder() const {
  const FileHandle folder(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return std::unexpected(os_error(path_));
  return {};
}

Status ImageFolder::write_marker(const std::string& sha256, bool imported) {
  const auto stamp = stamp_of(image(sha256));
  if (!stamp) return std::unexpected(os_error(image(sha256)));
  return write_synced(marker(sha256), marker_text(*stamp, imported));
}

Result<bool> ImageFolder::verified(const std::string& sha256, const std::atomic<bool>& cancelled) {
  const auto stamp = stamp_of(image(sha256));
  if (!stamp) return false;
  if (first_line(marker(sha256)) == *stamp) return true;
  auto digest = digest_of(image(sha256), [&](std::size_t) { return !cancelled; });
  if (!digest) return std::unexpected(std::move(digest.error()));
  if (digest != sha256) {
    put_aside(sha256);
    return false;
  }
  const auto kept = imported(sha256);
  if (!kept) return std::unexpected(kept.error());
  if (auto marked = write_marker(sha256, *kept); !marked) return std::unexpected(marked.error());
  return true;
}

Status ImageFolder::promote(const std::string& sha256, const std::atomic<bool>& cancelled) {
  const std::string from = part(sha256);
  {
    const FileHandle file(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || ::fsync(file.get()) != 0) return std::unexpected(os_error(from));
  }
  auto digest = digest_of(from, [&](std::size_t) { return !cancelled; });
  if (!digest && digest.error().kind == ErrorKind::corrupt) remove_part(sha256);
  if (!digest) return fail(ErrorKind::unavailable, digest.error().message);
  if (*digest != sha256) {
    remove_part(sha256);
    return fail(ErrorKind::corrupt, "its SHA-256 is not " + sha256);
  }
  const auto kept = imported(sha256);  // by somebody, while this was hashed, or before it was put aside
  if (!kept) return std::unexpected(kept.error());
  if (::rename(from.c_str(), image(sha256).c_str()) != 0) return std::unexpected(os_error(from));
  remove_part(sha256);
  if (auto marked = write_marker(sha256, *kept); !marked) return marked;
  remove_file(aside(sha256));
  return sync_folder();
}

std::uint64_t ImageFolder::part_size(const std::string& sha256) const {
  struct stat status{};
  return ::stat(part(sha256).c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

std::uint64_t ImageFolder::part_room(const std::string& sha256) const { return room_of(part(sha256)); }

std::optional<PartOrigin> ImageFolder::origin(const std::string& sha256) const {
  std::ifstream file(path_ + "/" + sha256 + ".from");
  PartOrigin origin;
  std::string kind;
  if (!std::getline(file, origin.url) || !std::getline(file, origin.validator)) return std::nullopt;
  origin.mixed = std::getline(file, kind) && kind == "mixed";
  return origin;
}

void ImageFolder::remember_origin(const std::string& sha256, const PartOrigin& origin) {
  std::ofstream(path_ + "/" + sha256 + ".from", std::ios::trunc)
      << origin.url << '\n'
      << origin.validator << '\n'
      << (origin.mixed ? "mixed" : "whole") << '\n';
}

void ImageFolder::remove_part(const std::string& sha256) {
  remove_file(part(sha256));
  remove_file(path_ + "/" + sha256 + ".from");
}

void ImageFolder::put_aside(const std::string& sha256) {
  ::rename(image(sha256).c_str(), aside(sha256).c_str());
}

Status ImageFolder::take_back(const std::string& sha256) {
  const auto kept = imported(sha256);
  if (!kept) return std::unexpected(kept.error());
  if (::rename(aside(sha256).c_str(), image(sha256).c_str()) != 0)
    return std::unexpected(os_error(aside(sha256)));
  return write_marker(sha256, *kept);
}

bool ImageFolder::has_aside(const std::string& sha256) const {
  return ::access(aside(sha256).c_str(), F_OK) == 0;
}

std::uint64_t ImageFolder::aside_room(const std::string& sha256) const { return room_of(aside(sha256)); }

void ImageFolder::remove_all(const std::string& sha256) {
  remove_file(marker(sha256));
  remove_file(image(sha256));
  remove_file(aside(sha256));
  remove_part(sha256);
}

Result<std::string> ImageFolder::copy_verified(const std::string& from, const std::string& copy,
                                               const std::string& expected, const DiskShare& share,
                                               const OnBytes& go_on) {
  const FileHandle source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!source || ::fstat(source.get(), &status) != 0) return std::unexpected(os_error(from));
  if (!S_ISREG(status.st_mode) || status.st_size == 0)
    return fail(ErrorKind::invalid, from + " is no file with content");
  const FileHandle target(::open(copy.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!target || ::flock(target.get(), LOCK_EX | LOCK_NB) != 0) return std::unexpected(os_error(copy));
  if (auto room = set_aside(target, share, static_cast<std::uint64_t>(status.st_size)); !room)
    return std::unexpected(std::move(room.error()).with(from));
  auto digest = digest_through(source, target, go_on);
  if (!digest) return std::unexpected(std::move(digest.error()).with(from));
  if (!expected.empty() && *digest != expected) {
    return fail(ErrorKind::corrupt, from + ": its SHA-256 is " + *digest + ", expected " + expected);
  }
  if (::fsync(target.get()) != 0) return std::unexpected(os_error(copy));
  posix_fadvise(target.get(), 0, 0, POSIX_FADV_DONTNEED);  // read back from the disk, not from memory
  auto copied = digest_of(copy, go_on);
  if (!copied) return std::unexpected(std::move(copied.error()));
  if (*copied != *digest) {
    return fail(ErrorKind::corrupt, "the copy of " + from + " differs from it: check the disk of " + path_);
  }
  return digest;
}

Result<std::string> ImageFolder::import_file(const std::string& from, const std::string& expected,
                                             const DiskShare& share, const OnBytes& go_on) {
  const std::string copy = path_ + "/" + std::to_string(::getpid()) + ".import";
  auto digest = copy_verified(from, copy, expected, share, go_on);
  if (!digest) {
    remove_file(copy);
    return digest;
  }
  // The marker first: an agent that runs must not find the image without it and hash it once more.
  const auto stamp = stamp_of(copy);
  Status placed = stamp ? write_synced(marker(*digest), marker_text(*stamp, true))
                        : Status(std::unexpected(os_error(copy)));
  if (placed && ::rename(copy.c_str(), image(*digest).c_str()) != 0) placed = std::unexpected(os_error(copy));
  if (placed) placed = sync_folder();
  if (!placed) {
    remove_file(copy);
    return std::unexpected(std::move(placed.error()));
  }
  remove_file(aside(*digest));
  return digest;
}

std::vector<std::string> ImageFolder::named(const char* suffix) const {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path_, error)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() == suffix && is_image_name(name)) found.push_back(name);
  }
  return found;
}

std::vector<std::string> ImageFolder::images() const { return named(".iso"); }

std::vector<std::string> ImageFolder::asides() const {
  std::vector<std::string> found = named(".aside");
  std::erase_if(found, [this](const std::string& name) { return has(name); });
  return found;
}

std::vector<StoredImage> ImageFolder::contents() const {
  std::vector<StoredImage> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path_, error)) {
    const std::string name = entry.path().stem().string();
    const bool whole = entry.path().extension() == ".iso";
    const bool put_aside = entry.path().extension() == ".aside";
    const bool part = entry.path().extension() == ".part";
    if (!is_image_name(name) || (!whole && !put_aside && !part)) continue;
    StoredImage& one = found.emplace_back(StoredImage{.sha256 = name, .whole = whole, .aside = put_aside});
    std::error_code gone;
    const auto size = entry.file_size(gone);
    one.size = gone ? 0 : size;
    one.imported = !part && imported(name).value_or(true);
    if (whole) one.verified_at = verified_at(name);
    if (const auto from = part ? origin(name) : std::nullopt) one.source = from->url;
  }
  std::ranges::sort(found, {},
                    [](const StoredImage& one) { return std::tuple(one.sha256, one.whole, one.aside); });
  return found;
}

Status ImageFolder::release(const std::string& sha256) {
  if (!has(sha256)) return fail(ErrorKind::not_found, "no image " + sha256 + " is here");
  const auto kept = imported(sha256);
  if (!kept) return std::unexpected(kept.error());
  if (!*kept) return {};
  struct stat before{};
  if (!verified_at(sha256) || ::stat(marker(sha256).c_str(), &before) != 0)
    return fail(ErrorKind::unavailable, "image " + sha256 + " is not verified yet: try again later");
  if (auto marked = write_marker(sha256, false); !marked) return marked;
  const timespec times[] = {before.st_atim, before.st_mtim};  // it was not verified now
  if (::utimensat(AT_FDCWD, marker(sha256).c_str(), times, 0) != 0)
    return std::unexpected(os_error(marker(sha256)));
  return {};
}

bool ImageFolder::has(const std::string& sha256) const { return ::access(image(sha256).c_str(), F_OK) == 0; }

Result<bool> ImageFolder::imported(const std::string& sha256) const {
  const auto text = small_file(marker(sha256));
  if (!text) return std::unexpected(text.error());
  return *text && (*text)->ends_with("\nimported\n");
}

void ImageFolder::note_verified(const std::string& sha256) {
  if (const auto kept = imported(sha256)) (void)write_marker(sha256, *kept);
}

std::optional<std::chrono::system_clock::time_point> ImageFolder::verified_at(
    const std::string& sha256) const {
  struct stat status{};
  const auto stamp = stamp_of(image(sha256));
  if (!stamp || first_line(marker(sha256)) != *stamp || ::stat(marker(sha256).c_str(), &status) != 0)
    return std::nullopt;
  return std::chrono::system_clock::from_time_t(status.st_mtim.tv_sec);
}

std::uint64_t ImageFolder::missing(const DiskShare& share, std::uint64_t more) const {
  const std::uint64_t free = free_bytes();
  const std::uint64_t needed = share.reserve + more;
  std::uint64_t missing = needed > free ? needed - free : 0;
  if (share.maximum > 0) {
    const std::uint64_t wanted = taken_bytes() + more;
    if (wanted > share.maximum) missing = std::max(missing, wanted - share.maximum);
  }
  return missing;
}

Status ImageFolder::room_for(const DiskShare& share, std::uint64_t more) const {
  const std::uint64_t lacking = missing(share, more);
  if (lacking == 0) return {};
  std::string text = "not enough disk space: " + std::to_string(more) + " more bytes are needed, " +
                     std::to_string(free_bytes()) + " are free, of which " + std::to_string(share.reserve) +
                     " are reserved";
  if (share.maximum > 0) {
    text += "; images take " + std::to_string(taken_bytes()) + " of at most " + std::to_string(share.maximum);
  }
  return fail(ErrorKind::exhausted, text + "; " + std::to_string(lacking) + " bytes are lacking");
}

Result<bool> ImageFolder::set_aside(const FileHandle& file, const DiskShare& share,
                                    std::uint64_t size) const {
  const FileHandle folder(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::flock(folder.get(), LOCK_EX) != 0) return std::unexpected(os_error(path_));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return std::unexpected(os_error(path_));
  const std::uint64_t owned = room_of(status);
  if (auto room = room_for(share, size > owned ? size - owned : 0); !room)
    return std::unexpected(std::move(room.error()));
  if (size == 0) return false;
  if (::fallocate(file.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) == 0) return true;
  if (errno == ENOSPC || errno == EDQUOT) return std::unexpected(os_error("not enough disk space"));
  return false;
}

std::uint64_t ImageFolder::taken_bytes() const {
  std::uint64_t taken = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path_, error)) taken += room_of(entry.path());
  return taken;
}

std::uint64_t ImageFolder::free_bytes() const {
  struct statvfs space{};
  if (::statvfs(path_.c_str(), &space) != 0) return 0;
  return static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
}

}  // namespace metalmesh::media
