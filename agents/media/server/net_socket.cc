#include "agents/media/server/net_socket.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "common/os/files.h"

namespace metalmesh::media {
namespace {

std::string tls_reason(const std::string& fallback) {
  const unsigned long code = ERR_peek_last_error();  // NOLINT(google-runtime-int): OpenSSL's type
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? fallback : reason;
}

std::string bound_address(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
      getnameinfo(reinterpret_cast<sockaddr*>(&address), length, host.data(), host.size(), port.data(),
                  port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return {};
  }
  const std::string name = host.data();
  return (name.find(':') == std::string::npos ? name : "[" + name + "]") + ":" + port.data();
}

}  // namespace

Result<SslContext> make_tls_context(const std::string& certificate, const std::string& key) {
  ERR_clear_error();
  SslContext context(SSL_CTX_new(TLS_server_method()));
  if (!context) return fail(ErrorKind::internal, "TLS context: " + tls_reason("out of memory"));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // BMCs often just close; that is an end, not an attack on a response with a stated length.
  // Where the kernel has no TLS of its own, or not for the cipher, OpenSSL goes on without.
  SSL_CTX_set_options(context.get(),
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ENABLE_KTLS);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context.get(), 1);  // a request in one call, not two
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1) {
    return fail(ErrorKind::invalid, "media certificate " + certificate + ": " + tls_reason("cannot be read"));
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail(ErrorKind::invalid, "media key " + key + ": " + tls_reason("cannot be read"));
  }
  if (SSL_CTX_check_private_key(context.get()) != 1) {
    return fail(ErrorKind::invalid, "media key " + key + " does not belong to certificate " + certificate);
  }
  return context;
}

Result<Listener> listen_on(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos)
    return fail(ErrorKind::invalid, "media listen address \"" + listen + "\" has no port");
  std::string host = listen.substr(0, colon);
  const std::string port = listen.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int code = getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &list);
      code != 0) {
    return fail(ErrorKind::invalid, "media listen address \"" + listen + "\": " + gai_strerror(code));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, &freeaddrinfo);
  std::string reason = "no address";
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    FileHandle socket(::socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    if (socket && setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(socket.get(), each->ai_addr, each->ai_addrlen) == 0 && ::listen(socket.get(), 1024) == 0) {
      std::string address = bound_address(socket.get());
      return Listener{std::move(socket), std::move(address)};
    }
    reason = os::errno_text(errno);
  }
  return fail(ErrorKind::unavailable, "cannot listen on " + listen + ": " + reason);
}

NetSocket::NetSocket(FileHandle socket, SSL_CTX* context, int most_unsent) : socket_(std::move(socket)) {
  const int on = 1;
  setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(socket_.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(socket_.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most_unsent, sizeof most_unsent);
  if (context == nullptr) return;
  ssl_.reset(SSL_new(context));
  if (!ssl_ || SSL_set_fd(ssl_.get(), socket_.get()) != 1) {
    ssl_.reset();
    socket_ = FileHandle();  // never plain where TLS is asked for
    return;
  }
  SSL_set_accept_state(ssl_.get());
}

IoResult NetSocket::tls_result(int returned) {
  if (returned > 0) return {IoState::done, static_cast<std::size_t>(returned)};
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      return {IoState::want_read, 0};
    case SSL_ERROR_WANT_WRITE:
      return {IoState::want_write, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {IoState::closed, 0};
    default:
      break;
  }
  error_ = tls_reason(errno == 0 ? "the peer closed the connection" : os::errno_text(errno));
  return {IoState::failed, 0};
}

IoResult NetSocket::plain_result(std::int64_t returned) {
  if (returned > 0) return {IoState::done, static_cast<std::size_t>(returned)};
  if (returned == 0) return {IoState::closed, 0};
  error_ = os::errno_text(errno);
  return {IoState::failed, 0};
}

IoResult NetSocket::handshake() {
  if (!ssl_) return {IoState::done, 0};
  ERR_clear_error();
  errno = 0;
  return tls_result(SSL_do_handshake(ssl_.get()));
}

bool NetSocket::handshake_began() const { return ssl_ && SSL_get_state(ssl_.get()) != TLS_ST_BEFORE; }

IoResult NetSocket::read(char* into, std::size_t room) {
  if (ssl_) {
    ERR_clear_error();
    errno = 0;
    return tls_result(SSL_read(ssl_.get(), into, static_cast<int>(room)));
  }
  const auto returned = ::recv(socket_.get(), into, room, 0);
  if (returned < 0 && (errno == EAGAIN || errno == EINTR)) return {IoState::want_read, 0};
  return plain_result(returned);
}

IoResult NetSocket::write(const char* from, std::size_t length, bool more) {
  if (ssl_ && !kernel_encrypts()) {
    ERR_clear_error();
    errno = 0;
    const IoResult result = tls_result(SSL_write(ssl_.get(), from, static_cast<int>(length)));
    write_pending_ = result.state == IoState::want_write;
    return result;
  }
  // With the kernel's TLS, too: OpenSSL 3.0 would remember where the bytes lay when the socket was full, and
  // send what lies there the next time (its issue 21202).
  const auto returned = ::send(socket_.get(), from, length, MSG_NOSIGNAL | (more && !ssl_ ? MSG_MORE : 0));
  if (returned < 0 && (errno == EAGAIN || errno == EINTR)) return {IoState::want_write, 0};
  return plain_result(returned);
}

bool NetSocket::kernel_encrypts() const {
  return !write_pending_ && BIO_get_ktls_send(SSL_get_wbio(ssl_.get()));
}

bool NetSocket::sends_files() const { return !ssl_ || kernel_encrypts(); }

IoResult NetSocket::send_file(int file, std::uint64_t offset, std::size_t length) {
  auto at = static_cast<off_t>(offset);
  if (ssl_) {
    ERR_clear_error();
    errno = 0;
    const auto returned = SSL_sendfile(ssl_.get(), file, at, length, 0);
    if (returned > 0) return {IoState::done, static_cast<std::size_t>(returned)};
    return tls_result(static_cast<int>(returned));
  }
  const auto returned = ::sendfile(socket_.get(), file, &at, length);
  if (returned < 0 && (errno == EAGAIN || errno == EINTR)) return {IoState::want_write, 0};
  return plain_result(returned);
}

bool NetSocket::has_unsent() const {
  int bytes = 0;
  return ::ioctl(socket_.get(), SIOCOUTQ, &bytes) != 0 || bytes > 0;
}

std::uint64_t NetSocket::acknowledged() const {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(socket_.get(), IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return 0;
  return info.tcpi_bytes_acked;
}

void NetSocket::drop_unsent() {
  const linger now{1, 0};
  setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void NetSocket::say_goodbye() {
  if (ssl_ && SSL_is_init_finished(ssl_.get())) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  ::shutdown(socket_.get(), SHUT_WR);
}

IoResult NetSocket::discard(char* into, std::size_t room) {
  const auto returned = ::recv(socket_.get(), into, room, 0);
  if (returned < 0 && (errno == EAGAIN || errno == EINTR)) return {IoState::want_read, 0};
  return plain_result(returned);
}

}  // namespace metalmesh::media
