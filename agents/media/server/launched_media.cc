#include "agents/media/server/launched_media.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agents/media/mount_url.h"
#include "agents/media/server/file_handle.h"
#include "common/base/digest.h"

namespace metalmesh::media {
namespace {

constexpr char mount_suffix[] = ".mount";
constexpr char reads_suffix[] = ".reads";
constexpr std::size_t digest_bytes = 32;
constexpr std::size_t etag_room = 64;  // of a file of reads: the blocks are behind it

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

const std::string& boot_id() {
  static const std::string id = content_of("/proc/sys/kernel/random/boot_id");
  return id;
}

/// A token opens a medium, so it stands in no listing of files.
std::string name_of(const std::string& token) { return to_hex(sha256(token)).substr(0, 32); }

bool write_at(int file, const std::string& bytes, std::uint64_t at) {
  return ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at)) ==
         static_cast<ssize_t>(bytes.size());
}

std::string etag_of(int file) {
  std::array<char, etag_room> bytes{};
  const auto got = ::pread(file, bytes.data(), bytes.size(), 0);
  if (got != static_cast<ssize_t>(bytes.size())) return {};
  const std::string_view text(bytes.data(), bytes.size());
  return std::string(text.substr(0, text.find('\0')));
}

}  // namespace

LaunchedMedia::LaunchedMedia(const std::string& data_folder) : folder_(data_folder + "/launched") {
  std::error_code ignored;
  std::filesystem::create_directories(folder_, ignored);
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_all, ignored);
}

std::string LaunchedMedia::path(const std::string& token, const char* suffix) const {
  return folder_ + "/" + name_of(token) + suffix;
}

std::vector<std::string> LaunchedMedia::names_with(const std::string& suffix) const {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& item : std::filesystem::directory_iterator(folder_, ignored)) {
    const std::string name = item.path().filename().string();
    if (name.ends_with(suffix)) names.push_back(name.substr(0, name.size() - suffix.size()));
  }
  return names;
}

void LaunchedMedia::unlink_all_but(const std::set<std::string>& tokens, const char* suffix) const {
  std::set<std::string> staying;
  for (const std::string& token : tokens) staying.insert(name_of(token));
  for (const std::string& name : names_with(suffix)) {
    if (!staying.contains(name)) ::unlink((folder_ + "/" + name + suffix).c_str());
  }
}

void LaunchedMedia::keep(const wire::Mount& mount) {
  if (!is_token(mount.token()) || mount.state() != wire::LAUNCHED || boot_id().empty()) return;
  wire::LaunchedMedium medium;
  *medium.mutable_mount() = mount;
  medium.set_boot_id(boot_id());
  const std::string content = medium.SerializeAsString();
  const std::string whole = sha256(content) + content;
  const std::string to = path(mount.token(), mount_suffix);
  if (content_of(to) == whole) return;
  const std::string fresh = path(mount.token(), ".new");
  ::unlink(fresh.c_str());
  const FileHandle file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  const bool written = file && write_at(file.get(), whole, 0) && ::rename(fresh.c_str(), to.c_str()) == 0;
  if (!written) {
    ::unlink(fresh.c_str());
    remove(mount.token());  // rather none than an old one
  }
}

void LaunchedMedia::remove(const std::string& token) {
  if (is_token(token)) ::unlink(path(token, mount_suffix).c_str());
}

void LaunchedMedia::remove_all_but(const std::set<std::string>& tokens) {
  unlink_all_but(tokens, mount_suffix);
}

std::vector<wire::Mount> LaunchedMedia::mounts() const {
  std::vector<wire::Mount> mounts;
  for (const std::string& name : names_with(mount_suffix)) {
    const std::string whole = content_of(folder_ + "/" + name + mount_suffix);
    if (whole.size() < digest_bytes) continue;
    const std::string content = whole.substr(digest_bytes);
    wire::LaunchedMedium medium;
    if (sha256(content) != whole.substr(0, digest_bytes) || !medium.ParseFromString(content)) continue;
    const bool counts = medium.boot_id() == boot_id() && name_of(medium.mount().token()) == name &&
                        medium.mount().state() == wire::LAUNCHED;
    if (counts) mounts.push_back(std::move(*medium.mutable_mount()));
  }
  return mounts;
}

std::optional<LaunchedMedia::Reads> LaunchedMedia::reads(const std::string& token) const {
  if (!is_token(token)) return std::nullopt;
  const std::string content = content_of(path(token, reads_suffix));
  if (content.size() <= etag_room) return std::nullopt;
  return Reads{content.substr(0, std::min(content.find('\0'), etag_room)), content.substr(etag_room)};
}

void LaunchedMedia::note(const KeepReads& reads) {
  if (!is_token(reads.token) || reads.etag.size() >= etag_room) return;
  const std::string to = path(reads.token, reads_suffix);
  if (reads.etag.empty()) {
    ::unlink(to.c_str());
    return;
  }
  const FileHandle file(::open(to.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file) return;
  if (etag_of(file.get()) != reads.etag) {
    std::string head = reads.etag;
    head.resize(etag_room, '\0');
    if (::ftruncate(file.get(), 0) != 0 || !write_at(file.get(), head, 0)) return;
  }
  (void)write_at(file.get(), reads.blocks, etag_room + reads.at);
}

void LaunchedMedia::forget_reads_of_all_but(const std::set<std::string>& tokens) {
  unlink_all_but(tokens, reads_suffix);
}

}  // namespace metalmesh::media
