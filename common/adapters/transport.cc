#include "common/adapters/transport.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <optional>
#include <utility>

#include "common/adapters/descriptors.h"
#include "common/os/fd.h"
#include "common/os/files.h"

namespace metalmesh::adapters {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using local = asio::local::stream_protocol;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

std::string name_of(const tcp::socket& socket) {
  IoError error;
  const tcp::endpoint peer = socket.remote_endpoint(error);
  if (error) return "unknown";
  const std::string address = peer.address().to_string();
  return (peer.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(peer.port());
}

/// Nothing for another user than this process's own or root.
std::optional<std::string> name_of(local::socket& socket) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 ||
      (peer.uid != 0 && peer.uid != ::geteuid()))
    return std::nullopt;
  std::array<char, 4096> text{};
  passwd user{};
  passwd* found = nullptr;
  const bool named = ::getpwuid_r(peer.uid, &user, text.data(), text.size(), &found) == 0 && found != nullptr;
  return "unix:" + (named ? std::string(user.pw_name) : std::to_string(peer.uid));
}

template <class Protocol>
class PlainStream final : public Stream {
 public:
  using Socket = Protocol::socket;
  PlainStream(Socket socket, std::string peer) : socket_(std::move(socket)), peer_(std::move(peer)) {}

  Task<IoError> handshake() override { co_return IoError(); }
  Task<std::expected<std::size_t, IoError>> read_some(asio::mutable_buffer space) override {
    const auto [error, count] = co_await socket_.async_read_some(space, as_result);
    if (error) co_return std::unexpected(error);
    co_return count;
  }
  Task<IoError> write(asio::const_buffer bytes) override {
    while (bytes.size() > 0) {
      const auto [error, count] = co_await socket_.async_write_some(bytes, as_result);
      if (error) co_return error;
      bytes += count;
    }
    co_return IoError();
  }
  void end_sending() override {
    IoError ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
  }
  Task<void> finish() override {
    end_sending();
    co_return;
  }
  void close() override {
    IoError ignored;
    socket_.close(ignored);
  }
  [[nodiscard]] std::string peer() const override { return peer_; }

 private:
  Socket socket_;
  std::string peer_;
};

class TlsStream final : public Stream {
 public:
  TlsStream(tcp::socket socket, std::shared_ptr<ssl::context> context)
      : context_(std::move(context)),
        stream_(std::move(socket), *context_),
        peer_(name_of(stream_.next_layer())) {}

  Task<IoError> handshake() override {
    const auto [error] = co_await stream_.async_handshake(ssl::stream_base::server, as_result);
    co_return error;
  }
  Task<std::expected<std::size_t, IoError>> read_some(asio::mutable_buffer space) override {
    const auto [error, count] = co_await stream_.async_read_some(space, as_result);
    if (error) co_return std::unexpected(error);
    co_return count;
  }
  Task<IoError> write(asio::const_buffer bytes) override {
    while (bytes.size() > 0) {
      const auto [error, count] = co_await stream_.async_write_some(bytes, as_result);
      if (error) co_return error;
      bytes += count;
    }
    co_return IoError();
  }
  // A close_notify cannot go out alone: what the peer still sends after it would be a protocol error here.
  void end_sending() override {}
  Task<void> finish() override {
    const auto [error] = co_await stream_.async_shutdown(as_result);
    static_cast<void>(error);
    IoError ignored;
    stream_.next_layer().shutdown(tcp::socket::shutdown_send, ignored);
  }
  void close() override {
    IoError ignored;
    stream_.next_layer().close(ignored);
  }
  [[nodiscard]] std::string peer() const override { return peer_; }

 private:
  std::shared_ptr<ssl::context> context_;
  ssl::stream<tcp::socket> stream_;
  std::string peer_;
};

Result<std::shared_ptr<ssl::context>> server_context(const TlsFiles& files) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  // A peer can otherwise make us handshake again and again on one connection.
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  IoError error;
  context->use_certificate_chain_file(files.certificate_chain, error);
  if (error)
    return fail(ErrorKind::invalid, "certificate " + files.certificate_chain + ": " + error.message());
  context->use_private_key_file(files.private_key, ssl::context::pem, error);
  if (error) return fail(ErrorKind::invalid, "private key " + files.private_key + ": " + error.message());
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    return fail(ErrorKind::invalid, files.private_key + " is not the key of " + files.certificate_chain);
  }
  return context;
}

template <class Protocol>
class SocketAcceptor : public Acceptor, public std::enable_shared_from_this<SocketAcceptor<Protocol>> {
 public:
  explicit SocketAcceptor(const asio::any_io_executor& executor) : acceptor_(executor), pause_(executor) {}

  [[nodiscard]] std::uint16_t port() const override { return 0; }
  void start(std::function<void(std::unique_ptr<Stream>)> accepted, std::function<void()> full) override {
    accepted_ = std::move(accepted);
    full_ = std::move(full);
    accept();
  }
  void close() override {
    IoError ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    accepted_ = nullptr;
    full_ = nullptr;
  }
  Result<std::function<void()>> read_certificate_again() override {
    return [] {};
  }

 protected:
  using Socket = Protocol::socket;
  /// Nothing: it is not let in.
  virtual std::unique_ptr<Stream> stream_of(Socket socket) = 0;

  Protocol::acceptor acceptor_;

 private:
  void accept() {
    acceptor_.async_accept([self = this->shared_from_this()](const IoError& error, Socket socket) {
      if (!self->accepted_) return;
      if (error) {
        if (is_out_of_descriptors(error.value())) self->full_();
        return self->accept_later();
      }
      if (auto stream = self->stream_of(std::move(socket))) self->accepted_(std::move(stream));
      self->accept();
    });
  }

  // Out of descriptors, mostly: trying again at once would burn the thread.
  void accept_later() {
    pause_.expires_after(std::chrono::milliseconds(100));
    pause_.async_wait([self = this->shared_from_this()](const IoError& error) {
      if (!error && self->accepted_) self->accept();
    });
  }

  asio::steady_timer pause_;
  std::function<void(std::unique_ptr<Stream>)> accepted_;
  std::function<void()> full_;
};

class TcpAcceptor final : public SocketAcceptor<tcp> {
 public:
  TcpAcceptor(const asio::any_io_executor& executor, std::shared_ptr<ssl::context> context, TlsFiles files)
      : SocketAcceptor(executor), files_(std::move(files)), context_(std::move(context)) {}

  IoError open(const tcp::endpoint& endpoint) {
    IoError error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
    if (!error) port_ = acceptor_.local_endpoint(error).port();
    return error;
  }

  [[nodiscard]] std::uint16_t port() const override { return port_; }
  Result<std::function<void()>> read_certificate_again() override {
    if (files_.certificate_chain.empty()) return [] {};
    auto fresh = server_context(files_);
    if (!fresh) return std::unexpected(std::move(fresh.error()));
    return [self = shared_from_this(), this, context = std::move(*fresh)] { context_ = context; };
  }

 private:
  std::unique_ptr<Stream> stream_of(tcp::socket socket) override {
    IoError ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    if (context_) return std::make_unique<TlsStream>(std::move(socket), context_);
    std::string peer = name_of(socket);
    return std::make_unique<PlainStream<tcp>>(std::move(socket), std::move(peer));
  }

  const TlsFiles files_;  // empty without TLS
  std::shared_ptr<ssl::context> context_;
  std::uint16_t port_ = 0;
};

class LocalAcceptor final : public SocketAcceptor<local> {
 public:
  using SocketAcceptor::SocketAcceptor;

  Status open(const std::filesystem::path& socket) {
    const auto failed = [&](int code) {
      return std::unexpected(os::errno_error("listening at", socket, code));
    };
    // A socket's address has room for 107 letters: it leads through the folder's descriptor.
    const os::Fd folder(::open(socket.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const std::string name = socket.filename().string();
    if (!folder || (::unlinkat(folder.get(), name.c_str(), 0) != 0 && errno != ENOENT)) return failed(errno);
    IoError error;
    acceptor_.open(local(), error);
    // The socket's own mode becomes the file's when it is bound, so there is no moment with a wider one.
    if (!error && ::fchmod(acceptor_.native_handle(), S_IRUSR | S_IWUSR) != 0) return failed(errno);
    const std::string path = "/proc/self/fd/" + std::to_string(folder.get()) + "/" + name;
    if (!error) acceptor_.bind(local::endpoint(path), error);
    if (!error) acceptor_.listen(local::acceptor::max_listen_connections, error);
    if (error) return failed(error.value());
    return {};
  }

 private:
  std::unique_ptr<Stream> stream_of(local::socket socket) override {
    auto peer = name_of(socket);
    if (!peer) return nullptr;
    return std::make_unique<PlainStream<local>>(std::move(socket), std::move(*peer));
  }
};

}  // namespace

void Signal::notify() {
  raised_ = true;
  timer_.cancel();
}

Task<void> Signal::wait() {
  if (!raised_) {
    timer_.expires_at(asio::steady_timer::time_point::max());
    const auto [cancelled] = co_await timer_.async_wait(as_result);
    static_cast<void>(cancelled);
  }
  raised_ = false;
}

void Deadline::set(Duration after, std::function<void()> late) {
  cancel();
  armed_ = std::make_shared<bool>(true);
  timer_.expires_after(after);
  timer_.async_wait([armed = armed_, late = std::move(late)](const IoError& error) {
    if (!error && std::exchange(*armed, false)) late();
  });
}

void Deadline::cancel() {
  if (armed_) *armed_ = false;
  timer_.cancel();
}

Result<std::shared_ptr<Acceptor>> listen(const asio::any_io_executor& executor, const std::string& address,
                                         std::uint16_t port, const TlsFiles* tls) {
  std::shared_ptr<ssl::context> context;
  if (tls != nullptr) {
    auto made = server_context(*tls);
    if (!made) return std::unexpected(std::move(made.error()));
    context = std::move(*made);
  }
  IoError error;
  const auto where = asio::ip::make_address(address, error);
  if (error) return fail(ErrorKind::invalid, "listen address '" + address + "' is not an IP address");
  auto acceptor =
      std::make_shared<TcpAcceptor>(executor, std::move(context), tls != nullptr ? *tls : TlsFiles());
  error = acceptor->open(tcp::endpoint(where, port));
  if (error) {
    return fail(ErrorKind::unavailable,
                "listening on " + address + ":" + std::to_string(port) + ": " + error.message());
  }
  return acceptor;
}

Result<std::shared_ptr<Acceptor>> listen_here(const asio::any_io_executor& executor,
                                              const std::filesystem::path& socket) {
  auto acceptor = std::make_shared<LocalAcceptor>(executor);
  if (auto opened = acceptor->open(socket); !opened) return std::unexpected(std::move(opened.error()));
  return acceptor;
}

}  // namespace metalmesh::adapters
