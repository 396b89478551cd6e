#include "controller/up/ports.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <sstream>

namespace metalmesh::up {
namespace {

namespace fs = std::filesystem;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

os::Fd listening_socket(std::uint16_t port, int& error) {
  os::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  const sockaddr_in address = loopback(port);
  // With it, connections of an earlier run that linger do not count as a listener.
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  error = 0;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), 1) != 0) {
    error = errno;
  }
  return fd;
}

/// "nginx (pid 812)", or empty: other users' processes keep their sockets to themselves.
std::string owner_of(const std::string& inode) {
  const std::string wanted = "socket:[" + inode + "]";
  std::error_code code;
  for (const auto& process : fs::directory_iterator("/proc", code)) {
    const std::string pid = process.path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    std::error_code closed;
    for (const auto& fd : fs::directory_iterator(process.path() / "fd", closed)) {
      std::error_code gone;
      if (fs::read_symlink(fd.path(), gone) != wanted) continue;
      const auto name = os::read_file(process.path() / "comm", 256);
      return fmt::format("{} (pid {})", name ? name->substr(0, name->find('\n')) : "a process", pid);
    }
  }
  return {};
}

std::string holder_of(std::uint16_t port) {
  for (const auto* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    const auto text = os::read_file(table);
    if (!text) continue;
    const std::string inode = listener_inode(*text, port);
    if (inode.empty()) continue;
    const std::string owner = owner_of(inode);
    return owner.empty() ? "a process of another user" : owner;
  }
  return "another process";
}

}  // namespace

std::uint16_t FreePorts::take() {
  int error = 0;
  os::Fd fd = listening_socket(0, error);
  sockaddr_in bound{};
  socklen_t length = sizeof bound;
  if (error != 0 || getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &length) != 0) return 0;
  held_.push_back(std::move(fd));
  return ntohs(bound.sin_port);
}

Status check_port_free(std::uint16_t port, std::string_view purpose) {
  int error = 0;
  const os::Fd fd = listening_socket(port, error);
  if (error == 0) return {};
  if (error == EADDRINUSE) {
    return fail(ErrorKind::conflict,
                fmt::format("port {}, for {}, is taken by {}\n  next: stop it, or choose others: --port N, "
                            "or --port 0 for any that are free",
                            port, purpose, holder_of(port)));
  }
  return fail(ErrorKind::denied,
              fmt::format("port {}, for {}, cannot be used: {}", port, purpose, os::errno_text(error)));
}

bool port_answers(std::uint16_t port) {
  const os::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

std::string listener_inode(std::string_view table, std::uint16_t port) {
  // Columns: sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode; 0A is LISTEN.
  const std::string suffix = fmt::format(":{:04X}", port);
  std::istringstream lines{std::string(table)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream columns(line);
    std::string slot, local, remote, state, queues, timer, retransmits, user, timeout, inode;
    columns >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
    if (state == "0A" && local.ends_with(suffix)) return inode;
  }
  return {};
}

}  // namespace metalmesh::up
