#include "common/adapters/http_server.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "common/adapters/descriptors.h"
#include "common/adapters/http_connection.h"
#include "common/base/check.h"

namespace metalmesh::adapters {
namespace {

/// Connections above the limit that are told so; any more are closed without a word.
constexpr std::size_t most_refusals = 16;
constexpr Duration told_every = std::chrono::minutes(1);

bool is_loopback(const std::string& address) {
  boost::system::error_code error;
  const auto parsed = boost::asio::ip::make_address(address, error);
  return !error && parsed.is_loopback();
}

}  // namespace

// Lives on the runtime's thread, but for wait_until_empty.
class HttpServer::Core final : public ConnectionOwner, public std::enable_shared_from_this<HttpServer::Core> {
 public:
  Core(boost::asio::any_io_executor executor, std::shared_ptr<Acceptor> acceptor,
       const HttpServerOptions& options, Sink& sink)
      : executor_(std::move(executor)),
        acceptor_(std::move(acceptor)),
        limits_(options.limits),
        sink_(sink),
        log_(options.log) {}

  void start() {
    acceptor_->start(
        [self = shared_from_this()](std::unique_ptr<Stream> stream) { self->adopt(std::move(stream)); },
        [self = shared_from_this()] { self->out_of_descriptors(); });
  }

  void reply(const ExchangeReply& reply) {
    if (const auto connection = connection_of(reply.id)) connection->reply(reply);
  }
  void chunk(const ExchangeChunk& chunk) {
    if (const auto connection = connection_of(chunk.id)) connection->chunk(chunk);
  }

  void stop() {
    acceptor_->close();
    stopped_ = true;
    const auto connections = connections_;
    for (const auto& connection : connections) connection->stop();
    tell_if_empty();
  }
  void abort() {
    const auto connections = connections_;
    for (const auto& connection : connections) connection->abort();
  }
  /// From another thread, after stop(); true when every connection has ended.
  bool wait_until_empty(Duration at_most) {
    std::unique_lock lock(mutex_);
    return emptied_.wait_for(lock, at_most, [this] { return empty_; });
  }

  [[nodiscard]] std::uint16_t port() const { return acceptor_->port(); }
  auto read_certificate_again() { return acceptor_->read_certificate_again(); }

  ExchangeId open_exchange(const std::shared_ptr<HttpConnection>& connection) override {
    exchanges_.emplace(++last_exchange_, connection);
    return last_exchange_;
  }
  void close_exchange(ExchangeId id) override { exchanges_.erase(id); }
  void deliver(Input input) override { sink_.deliver(std::move(input)); }
  bool may_stream() override {
    const auto streams = std::ranges::count_if(connections_, &HttpConnection::streams);
    return static_cast<std::size_t>(streams) < std::max<std::size_t>(1, limits_.connections * 3 / 4);
  }
  void ended(const std::shared_ptr<HttpConnection>& connection) override {
    connections_.erase(connection);
    tell_if_empty();
  }

 private:
  void adopt(std::unique_ptr<Stream> stream) {
    if (open() >= limits_.connections) end_idle();
    const bool refuse = open() >= limits_.connections;
    if (open() >= limits_.connections + most_refusals) return stream->close();
    auto connection = std::make_shared<HttpConnection>(executor_, *this, limits_, std::move(stream));
    connections_.insert(connection);
    connection->start(refuse);
  }
  /// Those that have not been ended; how many have been and are not gone yet is a matter of microseconds.
  [[nodiscard]] std::size_t open() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(connections_, [](const auto& connection) { return !connection->aborted(); }));
  }
  /// Ends the connection that has asked nothing for the longest, if there is one.
  void end_idle() {
    std::shared_ptr<HttpConnection> oldest;
    for (const auto& connection : connections_) {
      const auto since = connection->idle_since();
      if (since && (!oldest || *since < *oldest->idle_since())) oldest = connection;
    }
    if (oldest) oldest->abort();
  }
  void out_of_descriptors() {
    end_idle();
    const auto now = std::chrono::steady_clock::now();
    if (log_ == nullptr || (told_at_ && now - *told_at_ < told_every)) return;
    told_at_ = now;
    log_->write({LogLevel::error,
                 "no connection can be accepted: " + no_descriptor_left(),
                 {{"connections", std::to_string(connections_.size())}}});
  }
  std::shared_ptr<HttpConnection> connection_of(ExchangeId id) {
    const auto found = exchanges_.find(id);
    return found == exchanges_.end() ? nullptr : found->second;
  }
  void tell_if_empty() {
    if (!stopped_ || !connections_.empty()) return;
    const std::scoped_lock lock(mutex_);
    empty_ = true;
    emptied_.notify_all();
  }

  boost::asio::any_io_executor executor_;
  std::shared_ptr<Acceptor> acceptor_;
  const HttpLimits limits_;
  Sink& sink_;
  LogSink* log_;
  std::optional<std::chrono::steady_clock::time_point> told_at_;
  std::set<std::shared_ptr<HttpConnection>> connections_;
  std::map<ExchangeId, std::shared_ptr<HttpConnection>> exchanges_;
  ExchangeId last_exchange_ = 0;
  bool stopped_ = false;

  std::mutex mutex_;
  std::condition_variable emptied_;
  bool empty_ = false;
};

Result<std::unique_ptr<HttpServer>> HttpServer::start(AsioRuntime& runtime, const HttpServerOptions& options,
                                                      Sink& sink) {
  const bool tls = !options.certificate_file.empty() && !options.key_file.empty();
  if (!tls && !is_loopback(options.address)) {
    return fail(ErrorKind::invalid,
                "listening on " + options.address +
                    " needs a certificate and a key: plain HTTP is for loopback addresses only");
  }
  const TlsFiles files{options.certificate_file, options.key_file};
  const auto executor = runtime.context().get_executor();
  auto acceptor = listen(executor, options.address, options.port, tls ? &files : nullptr);
  if (!acceptor) return std::unexpected(std::move(acceptor.error()));
  auto core = std::make_shared<Core>(executor, std::move(*acceptor), options, sink);
  runtime.post([core] { core->start(); });
  return std::unique_ptr<HttpServer>(new HttpServer(runtime, std::move(core)));
}

HttpServer::HttpServer(AsioRuntime& runtime, std::shared_ptr<Core> core)
    : runtime_(runtime), core_(std::move(core)) {}

HttpServer::~HttpServer() { stop(Duration::zero()); }

void HttpServer::reply(ExchangeReply reply) {
  runtime_.post([core = core_, reply = std::move(reply)] { core->reply(reply); });
}

void HttpServer::chunk(ExchangeChunk chunk) {
  runtime_.post([core = core_, chunk = std::move(chunk)] { core->chunk(chunk); });
}

std::uint16_t HttpServer::port() const { return core_->port(); }

Status HttpServer::read_certificate_again() {
  auto put_in_force = core_->read_certificate_again();
  if (!put_in_force) return std::unexpected(std::move(put_in_force.error()));
  runtime_.post(std::move(*put_in_force));
  return {};
}

void HttpServer::stop(Duration grace) {
  MM_CHECK(!runtime_.on_thread());
  runtime_.post([core = core_] { core->stop(); });
  if (core_->wait_until_empty(grace)) return;
  runtime_.post([core = core_] { core->abort(); });
  while (!core_->wait_until_empty(std::chrono::seconds(1))) continue;
}

}  // namespace metalmesh::adapters
