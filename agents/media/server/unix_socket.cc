#include "agents/media/server/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace metalmesh::media {
namespace {

struct Named {
  FileHandle folder;  // the address leads through it
  FileHandle socket;
  sockaddr_un address{};
};

std::unexpected<Error> failed(ErrorKind kind, const std::string& what) {
  return fail(kind, what + ": " + std::error_code(errno, std::generic_category()).message());
}

Result<Named> name_socket(const std::string& folder, const std::string& name) {
  Named named;
  named.folder = FileHandle(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!named.folder) return failed(errno == ENOENT ? ErrorKind::unavailable : ErrorKind::denied, folder);
  named.socket = FileHandle(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!named.socket) return failed(ErrorKind::internal, "socket");
  const std::string path = "/proc/self/fd/" + std::to_string(named.folder.get()) + "/" + name;
  if (path.size() >= sizeof named.address.sun_path)
    return fail(ErrorKind::invalid, "the name of socket " + name + " is too long");
  named.address.sun_family = AF_UNIX;
  std::memcpy(named.address.sun_path, path.c_str(), path.size() + 1);
  return named;
}

const sockaddr* address_of(const Named& named) { return reinterpret_cast<const sockaddr*>(&named.address); }

}  // namespace

Result<FileHandle> listen_in(const std::string& folder, const std::string& name) {
  auto named = name_socket(folder, name);
  if (!named) return std::unexpected(named.error());
  const std::string path = folder + "/" + name;
  if (::unlinkat(named->folder.get(), name.c_str(), 0) != 0 && errno != ENOENT)
    return failed(ErrorKind::denied, "replacing " + path);
  // The socket's own mode becomes the file's when it is bound, so there is no moment with a wider one.
  if (::fchmod(named->socket.get(), S_IRUSR | S_IWUSR) != 0 ||
      ::bind(named->socket.get(), address_of(*named), sizeof named->address) != 0 ||
      ::listen(named->socket.get(), 4) != 0) {
    return failed(ErrorKind::denied, "listening at " + path);
  }
  return std::move(named->socket);
}

Result<FileHandle> connect_in(const std::string& folder, const std::string& name) {
  auto named = name_socket(folder, name);
  if (!named) return std::unexpected(named.error());
  if (::connect(named->socket.get(), address_of(*named), sizeof named->address) == 0)
    return std::move(named->socket);
  const bool nobody = errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN;
  return failed(nobody ? ErrorKind::unavailable : ErrorKind::denied, "connecting to " + folder + "/" + name);
}

}  // namespace metalmesh::media
