// A TCP listener that greets whoever comes, or says nothing.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>

#include "tests/contract/support/processes.h"

namespace metalmesh::contract {

/// Bound to a loopback port of its own.
class BoundSocket {
 public:
  BoundSocket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof at;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&at), length), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &length), 0);
    port_ = ntohs(at.sin_port);
  }
  ~BoundSocket() { ::close(fd_); }
  BoundSocket(const BoundSocket&) = delete;
  BoundSocket& operator=(const BoundSocket&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

/// Accepts one connection at a time and greets it with `greeting`; stays silent when that is empty.
class Greeter {
 public:
  explicit Greeter(std::string greeting) {
    EXPECT_EQ(::listen(listener_.fd(), 8), 0);
    thread_ = std::thread([this, text = std::move(greeting)] {
      while (true) {
        const int peer = ::accept(listener_.fd(), nullptr, nullptr);
        if (peer < 0) return;
        if (!text.empty()) ::send(peer, text.data(), text.size(), MSG_NOSIGNAL);
        char byte = 0;
        while (::recv(peer, &byte, 1, 0) > 0) continue;
        ::close(peer);
      }
    });
  }
  ~Greeter() {
    ::shutdown(listener_.fd(), SHUT_RDWR);
    thread_.join();
  }
  Greeter(const Greeter&) = delete;
  Greeter& operator=(const Greeter&) = delete;
  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }

 private:
  BoundSocket listener_;
  std::thread thread_;
};

}  // namespace metalmesh::contract
