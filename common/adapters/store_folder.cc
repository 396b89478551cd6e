#include "common/adapters/store_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <system_error>
#include <utility>

namespace metalmesh::adapters {
namespace {

constexpr char lock_name[] = "LOCK";
constexpr char ballast_name[] = "BALLAST";
constexpr char format_name[] = "FORMAT";

/// The mark is one line: "<engine> <number>".
Status check_format(const std::filesystem::path& folder, std::string_view engine, std::uint32_t known) {
  const auto path = folder / format_name;
  const auto text = os::read_file(path, 256);
  if (!text && text.error().kind == ErrorKind::not_found) {
    return os::write_file(path, fmt::format("{} {}\n", engine, known), 0600);
  }
  if (!text) return std::unexpected(text.error());
  const auto space = text->find(' ');
  std::uint32_t found = 0;
  const char* digits = space == std::string::npos ? nullptr : text->data() + space + 1;
  if (digits == nullptr || std::from_chars(digits, text->data() + text->size(), found).ec != std::errc()) {
    return fail(ErrorKind::corrupt,
                fmt::format("{} is damaged; restore the folder from a backup", path.string()));
  }
  if (std::string_view(*text).substr(0, space) != engine) {
    return fail(ErrorKind::unsupported,
                fmt::format("{} holds a store of kind {}, not {}; is dataDir the folder of another program?",
                            folder.string(), text->substr(0, space), engine));
  }
  if (found < known) {
    return fail(
        ErrorKind::unsupported,
        fmt::format("{0} was written by an older release (format {1}, this program knows {2}), whose rows "
                    "it does not read. Next: start that release again and let what is under way end; then "
                    "mv {0} {0}.format{1} and start this one with an empty folder",
                    folder.string(), found, known));
  }
  if (found > known) {
    return fail(
        ErrorKind::unsupported,
        fmt::format("{} was written by a newer release (format {}, this program knows {}); start that "
                    "release again, or restore a backup made before the upgrade",
                    folder.string(), found, known));
  }
  return {};
}

/// 0 where it cannot be told.
std::uint64_t free_bytes_in(const std::filesystem::path& folder) {
  const auto room = os::disk_room(folder);
  return room ? room->free_bytes : 0;
}

}  // namespace

StoreFolder::StoreFolder(std::filesystem::path path, os::Fd lock, const StoreOptions& options)
    : path_(std::move(path)), lock_(std::move(lock)), options_(options) {}

Error StoreFolder::in_use(const std::filesystem::path& path) {
  return {ErrorKind::conflict,
          fmt::format("{} is in use by another process; stop it, or choose another dataDir", path.string())};
}

/// Held for this process alone, and of a format that it knows.
Result<os::Fd> StoreFolder::locked(const std::filesystem::path& path, std::string_view engine,
                                   const StoreOptions& options) {
  auto lock = os::lock_file(path / lock_name, os::Held::fail);
  if (!lock) {
    if (lock.error().kind == ErrorKind::conflict) return std::unexpected(in_use(path));
    return std::unexpected(lock.error());
  }
  if (auto status = check_format(path, engine, options.format); !status)
    return std::unexpected(status.error());
  return std::move(*lock);
}

Result<StoreFolder> StoreFolder::open(const std::filesystem::path& path, std::string_view engine,
                                      const StoreOptions& options) {
  std::error_code code;
  const bool created = std::filesystem::create_directories(path, code);
  if (code) return fail(ErrorKind::internal, fmt::format("creating {}: {}", path.string(), code.message()));
  if (created) std::filesystem::permissions(path, std::filesystem::perms::owner_all, code);
  auto lock = locked(path, engine, options);
  if (!lock) return std::unexpected(lock.error());
  StoreFolder folder(path, std::move(*lock), options);
  folder.restore_ballast();
  return folder;
}

Result<StoreFolder> StoreFolder::open_existing(const std::filesystem::path& path, std::string_view engine,
                                               const StoreOptions& options) {
  std::error_code code;
  if (!std::filesystem::exists(path / format_name, code))
    return fail(ErrorKind::not_found, fmt::format("there is no store in {}", path.string()));
  auto lock = locked(path, engine, options);
  if (!lock) return std::unexpected(lock.error());
  return StoreFolder(path, std::move(*lock), options);
}

StoreSpace StoreFolder::space() const {
  const std::uint64_t free = free_bytes_in(path_);
  return {.free_bytes = free, .low = free < options_.reserve_bytes};
}

bool StoreFolder::give_up_ballast() {
  has_ballast_ = false;
  return ::unlink((path_ / ballast_name).c_str()) == 0;
}

void StoreFolder::restore_ballast() {
  if (has_ballast_ || options_.ballast_bytes == 0) return;
  const auto path = path_ / ballast_name;
  std::error_code code;
  if (std::filesystem::file_size(path, code) == options_.ballast_bytes && !code) {
    has_ballast_ = true;
    return;
  }
  if (free_bytes_in(path_) < options_.reserve_bytes + options_.ballast_bytes) return;
  const os::Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return;
  // Real blocks, not a hole: a sparse ballast would free nothing.
  if (::posix_fallocate(fd.get(), 0, static_cast<off_t>(options_.ballast_bytes)) == 0) {
    has_ballast_ = true;
  } else {
    ::unlink(path.c_str());
  }
}

}  // namespace metalmesh::adapters
