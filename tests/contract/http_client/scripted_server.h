// A plain HTTP server made of a socket and a script: it does to a client what well-behaved servers never do.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "tests/contract/support/processes.h"

namespace metalmesh::contract {

class ScriptedServer {
 public:
  enum class End {
    closes,
    resets,
    cuts,  // closes after its first answer, whole or not
  };
  /// `answer` gets each request as text and returns the bytes to send; empty ends the connection.
  explicit ScriptedServer(std::function<std::string(const std::string& request)> answer,
                          End end = End::closes)
      : answer_(std::move(answer)), end_(end), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof at;
    const bool ready = ::bind(fd_, reinterpret_cast<sockaddr*>(&at), length) == 0 && ::listen(fd_, 16) == 0 &&
                       ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &length) == 0;
    port_ = ready ? ntohs(at.sin_port) : std::uint16_t{0};
    thread_ = std::thread([this] { run(); });
  }
  ~ScriptedServer() {
    stopping_ = true;
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] int requests() const { return requests_; }

 private:
  void run() {
    while (!stopping_) {
      const int peer = ::accept(fd_, nullptr, nullptr);
      if (peer < 0) continue;
      ++connections_;
      serve(peer);
      constexpr linger at_once{1, 0};
      if (end_ == End::resets) ::setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      ::close(peer);
    }
  }
  // One connection at a time; requests have no body longer than one packet.
  void serve(int peer) {
    std::array<char, 65536> buffer{};
    while (!stopping_) {
      pollfd waiting{peer, POLLIN, 0};
      if (::poll(&waiting, 1, 20) == 0) continue;
      const auto count = ::recv(peer, buffer.data(), buffer.size(), 0);
      if (count <= 0) return;
      ++requests_;
      const std::string bytes = answer_(std::string(buffer.data(), static_cast<std::size_t>(count)));
      if (bytes.empty()) return;
      if (::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0 || end_ == End::cuts) return;
    }
  }

  std::function<std::string(const std::string&)> answer_;
  End end_;
  int fd_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connections_ = 0;
  std::atomic<int> requests_ = 0;
  std::thread thread_;
};

}  // namespace metalmesh::contract
