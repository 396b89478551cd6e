// One accepted TCP connection, plain or TLS, non-blocking, and the listening socket. Owns its descriptor.
// Results are values: the caller's loop decides when to come back.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>

#include "agents/media/server/file_handle.h"
#include "common/base/result.h"

namespace metalmesh::media {

struct SslContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextFree>;
/// A server context for TLS 1.2 and later with this certificate chain and key (PEM files).
Result<SslContext> make_tls_context(const std::string& certificate, const std::string& key);

struct Listener {
  FileHandle socket;
  std::string address;  // host:port as bound, with the real port
};
/// `listen` is host:port, [v6]:port or :port; port 0 picks one.
Result<Listener> listen_on(const std::string& listen);

enum class IoState { done, want_read, want_write, closed, failed };
struct IoResult {
  IoState state = IoState::failed;
  std::size_t bytes = 0;
};

class NetSocket {
 public:
  /// `context` null: plain TCP. The kernel is given no more while `most_unsent` bytes have not left yet.
  NetSocket(FileHandle socket, SSL_CTX* context, int most_unsent);

  [[nodiscard]] int fd() const { return socket_.get(); }
  /// done at once on plain TCP.
  IoResult handshake();
  /// Bytes that `read` has without the kernel, which will not announce them.
  [[nodiscard]] bool has_unread() const { return ssl_ && SSL_has_pending(ssl_.get()) == 1; }
  /// Whether the peer sent anything of a handshake (a port check does not).
  [[nodiscard]] bool handshake_began() const;
  IoResult read(char* into, std::size_t room);
  /// `more` follows at once, so on plain TCP a short packet need not go alone. Over TLS it makes no
  /// difference: records that wait for each other cost twice the processor time on a real network. After
  /// want_write the next call must begin with the same bytes (TLS has them encrypted already).
  IoResult write(const char* from, std::size_t length, bool more = false);
  /// Whether `send_file` works now: on plain TCP, and where the kernel does TLS; not after a want_write of
  /// `write`.
  [[nodiscard]] bool sends_files() const;
  /// A TLS record is encrypted and not all of it is sent: the next `write` must begin with its bytes.
  [[nodiscard]] bool write_pending() const { return write_pending_; }
  IoResult send_file(int file, std::uint64_t offset, std::size_t length);
  /// Whether the kernel holds bytes that the peer has not acknowledged.
  [[nodiscard]] bool has_unsent() const;
  /// How much the peer has acknowledged since the connection was made.
  [[nodiscard]] std::uint64_t acknowledged() const;
  /// Makes the close that follows a reset: what the kernel still holds is dropped, not delivered.
  void drop_unsent();
  /// The end of what we send: of TLS and of the stream. Without waiting.
  void say_goodbye();
  /// Reads what came over the wire for nobody.
  IoResult discard(char* into, std::size_t room);
  /// Why the last call failed; for people.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct SslFree {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  [[nodiscard]] bool kernel_encrypts() const;  // from here on; of TLS
  IoResult tls_result(int returned);
  IoResult plain_result(std::int64_t returned);

  FileHandle socket_;
  std::unique_ptr<SSL, SslFree> ssl_;
  bool write_pending_ = false;  // a TLS record is encrypted, and not all of it is sent
  std::string error_;
};

}  // namespace metalmesh::media
