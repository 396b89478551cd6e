// Writes a .tar.gz: ustar entries of regular files (POSIX.1-1988), compressed as they come. The archive is
// private to its owner (0600) and appears under its name only when it is whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace metalmesh::adapters {

class TarGzWriter {
 public:
  /// Refuses (conflict) a file that exists.
  static Result<std::unique_ptr<TarGzWriter>> create(const std::filesystem::path& path);
  /// Without `finish` nothing is left behind.
  ~TarGzWriter();
  TarGzWriter(const TarGzWriter&) = delete;
  TarGzWriter& operator=(const TarGzWriter&) = delete;

  /// `name` is relative, at most 100 bytes; `modified` in seconds since 1970.
  Status add(const std::string& name, std::string_view bytes, std::uint64_t modified);
  Status finish();

 private:
  struct Stream;
  explicit TarGzWriter(std::unique_ptr<Stream> stream);
  std::unique_ptr<Stream> stream_;
};

/// The 512 bytes in front of a file's content.
std::string ustar_header(std::string_view name, std::uint64_t size, std::uint64_t modified);

}  // namespace metalmesh::adapters
