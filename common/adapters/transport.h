// Bytes in and out of one connection, with or without TLS, behind one thin virtual class: the composed TLS
// operations are instantiated in transport.cc alone, which keeps the HTTP code quick to build.
//
// Everything here belongs to the thread of the Asio context. Closing a stream ends its pending operations
// with an error; they must have ended before it is destroyed. For .cc files of this room only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/base/time.h"

namespace metalmesh::adapters {

template <class T>
using Task = boost::asio::awaitable<T>;
using IoError = boost::system::error_code;

class Stream {
 public:
  virtual ~Stream() = default;
  /// The TLS handshake; nothing to do on a plain stream.
  virtual Task<IoError> handshake() = 0;
  virtual Task<std::expected<std::size_t, IoError>> read_some(boost::asio::mutable_buffer space) = 0;
  /// Writes all of `bytes`. One read and one write may run at a time.
  virtual Task<IoError> write(boost::asio::const_buffer bytes) = 0;
  /// FIN where the protocol allows it before the peer has finished (plain, not TLS).
  virtual void end_sending() = 0;
  /// Says goodbye (close_notify, FIN), so that the peer can tell an end from a break.
  virtual Task<void> finish() = 0;
  virtual void close() = 0;
  /// address:port of the other side, or unix:<user> of a socket on this host.
  [[nodiscard]] virtual std::string peer() const = 0;
};

/// Lets one coroutine sleep until another part of the same thread has news. News that comes first is kept.
class Signal {
 public:
  explicit Signal(const boost::asio::any_io_executor& executor) : timer_(executor) {}
  void notify();
  Task<void> wait();

 private:
  boost::asio::steady_timer timer_;
  bool raised_ = false;
};

/// Calls `late` once unless it is set again or cancelled first. Destroying it cancels.
class Deadline {
 public:
  explicit Deadline(const boost::asio::any_io_executor& executor) : timer_(executor) {}
  ~Deadline() { cancel(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  void set(Duration after, std::function<void()> late);
  void cancel();

 private:
  boost::asio::steady_timer timer_;
  std::shared_ptr<bool> armed_;  // false once it was cancelled, even if the expiry is already queued
};

/// PEM files of the server; TLS 1.2 or newer.
struct TlsFiles {
  std::string certificate_chain;
  std::string private_key;
};

class Acceptor {
 public:
  virtual ~Acceptor() = default;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  /// Hands over each connection, before its handshake. `full`: there is no descriptor for the next one; it is
  /// tried again shortly.
  virtual void start(std::function<void(std::unique_ptr<Stream>)> accepted, std::function<void()> full) = 0;
  virtual void close() = 0;
  /// Reads certificate and key again, on any thread. What it returns is to be called where this belongs, and puts
  /// them in force for connections to come. Kind invalid: they stay as they are.
  virtual Result<std::function<void()>> read_certificate_again() = 0;
};

/// Listens on address:port (0 lets the system choose), with TLS when `tls` is given.
Result<std::shared_ptr<Acceptor>> listen(const boost::asio::any_io_executor& executor,
                                         const std::string& address, std::uint16_t port, const TlsFiles* tls);
/// Listens at a Unix socket, which replaces one that was left there. Only this process's own user and root are let in,
/// whatever the file's mode becomes.
Result<std::shared_ptr<Acceptor>> listen_here(const boost::asio::any_io_executor& executor,
                                              const std::filesystem::path& socket);

}  // namespace metalmesh::adapters
