#include "agents/media/server/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace metalmesh::media {

Result<FileReader> FileReader::open(const std::string& path) {
  FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!file || fstat(file.get(), &status) != 0) {
    return fail(ErrorKind::unavailable,
                path + ": " + std::error_code(errno, std::generic_category()).message());
  }
  return FileReader(std::move(file), static_cast<std::uint64_t>(status.st_size));
}

Result<std::string> FileReader::read(std::uint64_t offset, std::size_t length) {
  std::string bytes(length, '\0');
  std::size_t got = 0;
  while (got < length) {
    const auto count =
        ::pread(file_.get(), bytes.data() + got, length - got, static_cast<off_t>(offset + got));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return fail(ErrorKind::unavailable,
                  count == 0
                      ? "the image file is shorter than before"
                      : "reading the image: " + std::error_code(errno, std::generic_category()).message());
    }
    got += static_cast<std::size_t>(count);
  }
  return bytes;
}

std::string aside_of(const std::string& image_path) {
  return image_path.substr(0, image_path.rfind('.')) + ".aside";
}

Result<std::unique_ptr<BlockReader>> FileImages::open(const std::string& path) {
  auto reader = FileReader::open(path);
  if (!reader && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    if (auto aside = FileReader::open(aside_of(path))) reader = std::move(aside);
  }
  if (!reader) return std::unexpected(reader.error());
  return std::make_unique<FileReader>(std::move(*reader));
}

}  // namespace metalmesh::media
