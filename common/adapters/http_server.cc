#include "common/adapters/http_server.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/adapters/descriptors.h"
#include "common/adapters/http_connection.h"
#include "common/base/check.h"
#include "common/os/clocks.h"

namespace metalmesh::adapters {
namespace {

constexpr Duration told_every = std::chrono::minutes(1);

bool is_loopback(const std::string& address) {
  boost::system::error_code error;
  const auto parsed = boost::asio::ip::make_address(address, error);
  return !error && parsed.is_loopback();
}

/// 10.0.0.1:443, [2001:db8::1]:443. A neighbour of IPv6 has a whole /64 of addresses to come from.
std::string address_of(const std::string& peer) {
  std::string address = peer.substr(0, peer.rfind(':'));
  if (address.size() < 2 || address.front() != '[') return address;
  boost::system::error_code error;
  const auto parsed = boost::asio::ip::make_address_v6(address.substr(1, address.size() - 2), error);
  if (error) return address;
  const auto bytes = parsed.to_bytes();
  return std::string(bytes.begin(), bytes.begin() + bytes.size() / 2);
}

}  // namespace

// Lives on the runtime's thread, but for wait_until_empty.
class HttpServer::Core final : public ConnectionOwner, public std::enable_shared_from_this<HttpServer::Core> {
 public:
  /// One of the acceptors may be missing.
  Core(boost::asio::any_io_executor executor, std::shared_ptr<Acceptor> network,
       std::shared_ptr<Acceptor> local, const HttpServerOptions& options, Sink& sink)
      : executor_(std::move(executor)),
        network_(std::move(network)),
        local_(std::move(local)),
        limits_(options.limits),
        gate_(options.gate),
        sink_(sink),
        log_(options.log) {}

  void start() {
    for (const auto& acceptor : {network_, local_}) {
      if (!acceptor) continue;
      acceptor->start([self = shared_from_this(), local = acceptor == local_](
                          std::unique_ptr<Stream> stream) { self->adopt(std::move(stream), local); },
                      [self = shared_from_this()] { self->out_of_descriptors(); });
    }
  }

  void reply(const ExchangeReply& reply) {
    if (const auto connection = connection_of(reply.id)) connection->reply(reply);
  }
  void chunk(const ExchangeChunk& chunk) {
    if (const auto connection = connection_of(chunk.id)) connection->chunk(chunk);
  }

  void stop() {
    for (const auto& acceptor : {network_, local_})
      if (acceptor) acceptor->close();
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

  [[nodiscard]] std::uint16_t port() const { return network_ ? network_->port() : std::uint16_t{0}; }
  Result<std::function<void()>> read_certificate_again() {
    if (!network_) return [] {};
    return network_->read_certificate_again();
  }

  ExchangeId open_exchange(const std::shared_ptr<HttpConnection>& connection) override {
    exchanges_.emplace(++last_exchange_, connection);
    return last_exchange_;
  }
  void close_exchange(ExchangeId id) override { exchanges_.erase(id); }
  void deliver(Input input) override { sink_.deliver(std::move(input)); }
  bool may_stream() override {
    const auto streams = std::ranges::count_if(connections_, &HttpConnection::streams);
    return static_cast<std::size_t>(streams) < std::max<std::size_t>(1, limits_.places.ordinary * 3 / 4);
  }
  ExchangeGate::Verdict judge(const ExchangeGate::Head& head) override {
    return gate_ == nullptr ? ExchangeGate::Verdict{"anybody", false, {}}
                            : gate_->judge(head, os::boot_time());
  }
  bool is_callers(const std::shared_ptr<HttpConnection>& connection, const std::string& caller) override {
    if (gate_ == nullptr) return true;
    const Open open = open_now();
    const auto own = std::ranges::find(open.connections, connection);
    if (own == open.connections.end()) return true;
    const auto verdict = place_of_caller(static_cast<std::size_t>(own - open.connections.begin()), caller,
                                         open.places, limits_.places);
    if (verdict.ends) open.connections[*verdict.ends]->abort();
    return verdict.kind != PlaceVerdict::Kind::none;
  }
  void ended(const std::shared_ptr<HttpConnection>& connection) override {
    connections_.erase(connection);
    tell_if_empty();
  }

 private:
  /// Those that have not been ended; how many have been and are not gone yet is a matter of microseconds.
  struct Open {
    std::vector<std::shared_ptr<HttpConnection>> connections;
    std::vector<HttpPlace> places;  // theirs
  };
  [[nodiscard]] Open open_now() const {
    Open open;
    for (const auto& connection : connections_) {
      if (connection->aborted()) continue;
      open.connections.push_back(connection);
      open.places.push_back(connection->place());
    }
    return open;
  }
  void adopt(std::unique_ptr<Stream> stream, bool local) {
    const Open open = open_now();
    HttpPlace place;
    place.address = address_of(stream->peer());
    place.local = local;
    const PlaceVerdict verdict = place_for(place, open.places, limits_.places);
    if (verdict.ends) open.connections[*verdict.ends]->abort();
    if (verdict.kind == PlaceVerdict::Kind::none) return stream->close();
    place.reserved = verdict.kind == PlaceVerdict::Kind::reserved;
    auto connection =
        std::make_shared<HttpConnection>(executor_, *this, limits_, std::move(place), std::move(stream));
    connections_.insert(connection);
    connection->start();
  }
  void out_of_descriptors() {
    const Open open = open_now();
    if (const auto first = first_to_end(open.places)) open.connections[*first]->abort();
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
  std::shared_ptr<Acceptor> network_;
  std::shared_ptr<Acceptor> local_;
  const HttpLimits limits_;
  ExchangeGate* gate_;
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
  const auto executor = runtime.context().get_executor();
  std::shared_ptr<Acceptor> network;
  if (!options.address.empty()) {
    if (!tls && !is_loopback(options.address)) {
      return fail(ErrorKind::invalid,
                  "listening on " + options.address +
                      " needs a certificate and a key: plain HTTP is for loopback addresses only");
    }
    const TlsFiles files{options.certificate_file, options.key_file};
    auto listening = listen(executor, options.address, options.port, tls ? &files : nullptr);
    if (!listening) return std::unexpected(std::move(listening.error()));
    network = std::move(*listening);
  }
  std::shared_ptr<Acceptor> local;
  if (!options.socket.empty()) {
    auto listening = listen_here(executor, options.socket);
    if (!listening) return std::unexpected(std::move(listening.error()));
    local = std::move(*listening);
  }
  auto core = std::make_shared<Core>(executor, std::move(network), std::move(local), options, sink);
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
