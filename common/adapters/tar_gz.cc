#include "common/adapters/tar_gz.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <utility>

#include "common/os/files.h"

namespace metalmesh::adapters {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t block = 512;
constexpr std::size_t longest_name = 100;
constexpr std::uint64_t largest_file = (std::uint64_t{1} << 33U) - 1;  // eleven octal digits

void put(std::string& header, std::size_t at, std::string_view text) {
  header.replace(at, text.size(), text);
}

}  // namespace

std::string ustar_header(std::string_view name, std::uint64_t size, std::uint64_t modified) {
  std::string header(block, '\0');
  put(header, 0, name.substr(0, longest_name));
  put(header, 100, "0000600");
  put(header, 108, "0000000");
  put(header, 116, "0000000");
  put(header, 124, fmt::format("{:011o}", size));
  put(header, 136, fmt::format("{:011o}", modified));
  put(header, 148, "        ");  // the sum is made with blanks in its place
  header[156] = '0';             // a regular file
  put(header, 257, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(header, 148, fmt::format("{:06o}", sum));
  header[154] = '\0';
  return header;
}

struct TarGzWriter::Stream {
  explicit Stream(fs::path target) : path(std::move(target)), part(path.string() + ".part") {}
  ~Stream() {
    if (gz != nullptr) gzclose(gz);
    if (!whole) ::unlink(part.c_str());
  }

  Status write(std::string_view bytes) {
    while (!bytes.empty()) {
      constexpr std::size_t most = std::size_t{1} << 20U;
      const int written = gzwrite(gz, bytes.data(), static_cast<unsigned>(std::min(bytes.size(), most)));
      if (written <= 0)
        return fail(ErrorKind::exhausted, part.string() + " cannot be written: is the disk full?");
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }

  fs::path path;
  fs::path part;
  gzFile gz = nullptr;
  bool whole = false;
};

TarGzWriter::TarGzWriter(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}
TarGzWriter::~TarGzWriter() = default;

Result<std::unique_ptr<TarGzWriter>> TarGzWriter::create(const fs::path& path) {
  std::error_code wrong;
  if (fs::exists(path, wrong))
    return fail(ErrorKind::conflict, path.string() + " exists; name another one with -o");
  auto stream = std::make_unique<Stream>(path);
  os::Fd fd(::open(stream->part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd)
    return fail(ErrorKind::denied, stream->part.string() + " cannot be written: " + os::errno_text(errno));
  stream->gz = gzdopen(fd.get(), "wb6");
  if (stream->gz == nullptr) return fail(ErrorKind::exhausted, "no memory to compress with");
  (void)fd.release();  // it is the stream's now
  return std::unique_ptr<TarGzWriter>(new TarGzWriter(std::move(stream)));
}

Status TarGzWriter::add(const std::string& name, std::string_view bytes, std::uint64_t modified) {
  if (name.empty() || name.size() > longest_name || name.front() == '/')
    return fail(ErrorKind::invalid, "\"" + name + "\" is no name for an archive");
  if (bytes.size() > largest_file) return fail(ErrorKind::exhausted, name + " is too large for an archive");
  if (Status done = stream_->write(ustar_header(name, bytes.size(), modified)); !done) return done;
  if (Status done = stream_->write(bytes); !done) return done;
  return stream_->write(std::string((block - bytes.size() % block) % block, '\0'));
}

Status TarGzWriter::finish() {
  if (Status done = stream_->write(std::string(2 * block, '\0')); !done) return done;
  const int closed = gzclose(std::exchange(stream_->gz, nullptr));
  if (closed != Z_OK) return fail(ErrorKind::exhausted, stream_->part.string() + " cannot be written");
  if (::rename(stream_->part.c_str(), stream_->path.c_str()) != 0)
    return fail(ErrorKind::internal, stream_->path.string() + ": " + os::errno_text(errno));
  stream_->whole = true;
  return {};
}

}  // namespace metalmesh::adapters
