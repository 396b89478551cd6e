#include "common/adapters/transport.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "common/adapters/descriptors.h"

namespace metalmesh::adapters {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

std::string name_of(const tcp::socket& socket) {
  IoError error;
  const tcp::endpoint peer = socket.remote_endpoint(error);
  if (error) return "unknown";
  const std::string address = peer.address().to_string();
  return (peer.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(peer.port());
}

class PlainStream final : public Stream {
 public:
  explicit PlainStream(tcp::socket socket) : socket_(std::move(socket)), peer_(name_of(socket_)) {}

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
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
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
  tcp::socket socket_;
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

class TcpAcceptor final : public Acceptor, public std::enable_shared_from_this<TcpAcceptor> {
 public:
  TcpAcceptor(const asio::any_io_executor& executor, std::shared_ptr<ssl::context> context, TlsFiles files)
      : acceptor_(executor), pause_(executor), files_(std::move(files)), context_(std::move(context)) {}

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
    if (files_.certificate_chain.empty()) return [] {};
    auto fresh = server_context(files_);
    if (!fresh) return std::unexpected(std::move(fresh.error()));
    return [self = shared_from_this(), context = std::move(*fresh)] { self->context_ = context; };
  }

 private:
  void accept() {
    acceptor_.async_accept([self = shared_from_this()](const IoError& error, tcp::socket socket) {
      if (!self->accepted_) return;
      if (error) {
        if (is_out_of_descriptors(error.value())) self->full_();
        return self->accept_later();
      }
      self->adopt(std::move(socket));
      self->accept();
    });
  }

  // Out of descriptors, mostly: trying again at once would burn the thread.
  void accept_later() {
    pause_.expires_after(std::chrono::milliseconds(100));
    pause_.async_wait([self = shared_from_this()](const IoError& error) {
      if (!error && self->accepted_) self->accept();
    });
  }

  void adopt(tcp::socket socket) {
    IoError ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    if (context_) {
      accepted_(std::make_unique<TlsStream>(std::move(socket), context_));
    } else {
      accepted_(std::make_unique<PlainStream>(std::move(socket)));
    }
  }

  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  const TlsFiles files_;  // empty without TLS
  std::shared_ptr<ssl::context> context_;
  std::function<void(std::unique_ptr<Stream>)> accepted_;
  std::function<void()> full_;
  std::uint16_t port_ = 0;
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

}  // namespace metalmesh::adapters
