// Small files that must be whole or absent: keys, tokens, credentials. Reads are bounded; writes go to
// a temporary file that is synced and then renamed over the target, so a crash leaves the old content.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace metalmesh::adapters {

/// An open file descriptor that closes itself; -1 when empty.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  int release();

 private:
  int fd_ = -1;
};

/// Kinds: not_found, denied, exhausted (longer than `limit`), internal.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit = std::size_t{16} << 20);
/// Replaces `path` atomically and durably with `mode` permissions.
Status write_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode);
/// Refuses (denied) a file that group or others may read or write.
Status check_private(const std::filesystem::path& path);
/// "No such file or directory" for the errno value `code`.
std::string errno_text(int code);

}  // namespace metalmesh::adapters
