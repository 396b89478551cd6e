#include "tests/bmcsim/simulation.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>

#include "common/os/clocks.h"
#include "common/text/letters.h"
#include "tests/bmcsim/control.h"
#include "tests/bmcsim/gzip.h"
#include "tests/bmcsim/media_reader.h"
#include "tests/bmcsim/qemu/qemu_host.h"
#include "tests/bmcsim/self_signed.h"

namespace metalmesh::bmcsim {
namespace asio = boost::asio;
namespace ssl = asio::ssl;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);
constexpr auto machine_start = std::chrono::seconds(60);
constexpr auto machine_check = std::chrono::seconds(1);
constexpr auto goodbye_time = std::chrono::seconds(2);  // for the client's own goodbye

namespace {

RedfishRequest plain(http::request<http::string_body>&& request) {
  RedfishRequest out;
  out.method = std::string(request.method_string());
  out.path = std::string(request.target());
  if (const auto query = out.path.find('?'); query != std::string::npos) {
    out.query = out.path.substr(query + 1);
    out.path.resize(query);
  }
  for (const auto& field : request) {
    out.headers.emplace_back(to_lower(field.name_string()), std::string(field.value()));
  }
  out.body = std::move(request.body());
  return out;
}

std::string wire(RedfishReply reply, bool head, bool keep_alive) {
  if (reply.gzip) {
    reply.body = gzip(reply.body);
    reply.headers.emplace_back("Content-Encoding", "gzip");
  }
  std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " " +
                    std::string(http::obsolete_reason(static_cast<http::status>(reply.status))) + "\r\n";
  for (const auto& [name, value] : reply.headers) out += name + ": " + value + "\r\n";
  if (reply.status != 204) out += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
  if (!keep_alive) out += "Connection: close\r\n";
  out += "\r\n";
  if (!head) out += reply.body;
  return out;
}

}  // namespace

struct Simulation::Impl {
  SimulationOptions options;
  asio::io_context io{1};
  std::vector<QemuHost*> real_machines;  // in the fleet
  Fleet fleet;
  Control control{fleet};
  ssl::context keys[2]{ssl::context(ssl::context::tls_server), ssl::context(ssl::context::tls_server)};
  ssl::context old_tls{ssl::context::tls_server};
  std::vector<tcp::acceptor> acceptors;
  tcp::acceptor control_acceptor{io};
  std::vector<std::unique_ptr<asio::steady_timer>> timers;
  asio::steady_timer machine_timer{io};
  Status ended;
  std::unique_ptr<MediaReader> reader;

  explicit Impl(SimulationOptions o) : options(std::move(o)) {
    for (auto& context : keys) use_self_signed(context.native_handle(), "bmcsim");
    use_self_signed(old_tls.native_handle(), "bmcsim");
    only_tls_1_0(old_tls.native_handle());
  }

  Status build() {
    auto built = Fleet::build(options.fleet, [this](const QemuOptions& machine, const BmcOptions& identity) {
      auto host = std::make_unique<QemuHost>(io, machine, identity);
      real_machines.push_back(host.get());
      return host;
    });
    if (!built) return std::unexpected(built.error());
    fleet = *std::move(built);
    for (const FaultOption& fault : options.faults) {
      if (auto set = set_fault(fault); !set) return set;
    }
    for (std::size_t i = 0; i < fleet.members().size(); ++i)
      timers.push_back(std::make_unique<asio::steady_timer>(io));
    return {};
  }

  Status set_fault(const FaultOption& fault) {
    if (fault_named(fault.name) == nullptr)
      return fail(ErrorKind::invalid, "there is no fault " + fault.name);
    bool found = false;
    for (auto& member : fleet.members()) {
      if (!fault.server.empty() && member.model->options().name != fault.server) continue;
      found = member.model->set_fault(fault.name);
    }
    if (!found) return fail(ErrorKind::invalid, "there is no server " + fault.server);
    return {};
  }

  Status start_machines() {
    for (auto* machine : real_machines) {
      if (auto started = machine->start(); !started) return started;
    }
    const auto deadline = std::chrono::steady_clock::now() + machine_start;
    for (auto* machine : real_machines) {
      while (!machine->ready() && std::chrono::steady_clock::now() < deadline) io.run_one_until(deadline);
      if (!machine->ready()) return fail(ErrorKind::unavailable, "QEMU does not answer");
      if (!*machine->ready()) return *machine->ready();
    }
    return {};
  }

  /// A machine that is gone cannot come back: a test that went on would wait for nothing.
  void watch_machines() {
    for (const auto* machine : real_machines) {
      if (machine->ready()->has_value()) continue;
      ended = *machine->ready();
      return io.stop();
    }
    machine_timer.expires_after(machine_check);
    machine_timer.async_wait([this](boost::system::error_code ec) {
      if (!ec) watch_machines();
    });
  }

  void start_reader() {
    reader = std::make_unique<MediaReader>(options.media_ca, [this](MediaAnswer answer) {
      asio::post(io, [this, got = std::move(answer)] {
        fleet.members()[got.member].model->answered(got.ticket, got.status, got.bytes, got.size,
                                                    os::steady_time());
        advance(got.member);
      });
    });
  }

  /// Runs what is due at one machine and sleeps until the next thing is.
  void advance(std::size_t index) {
    auto& model = *fleet.members()[index].model;
    for (auto& wish : model.advance(os::steady_time())) {
      if (wish.kind == HostWish::Kind::callback) {
        reader->callback(index, wish.ticket, std::move(wish.url));
      } else if (wish.kind == HostWish::Kind::glance) {
        reader->glance(index, wish.ticket, std::move(wish.url));
      } else if (wish.kind == HostWish::Kind::handshake) {
        reader->distrust(index, std::move(wish.url), fleet.members()[index].address);
      } else {
        reader->read(index, wish.ticket, std::move(wish.url), wish.offset, wish.length);
      }
    }
    auto& timer = *timers[index];
    const auto due = model.next_due();
    if (!due) {
      timer.cancel();
      return;
    }
    timer.expires_at(std::chrono::steady_clock::time_point(due->time_since_epoch()));
    timer.async_wait([this, index](boost::system::error_code ec) {
      if (!ec) advance(index);
    });
  }

  template <class Stream>
  asio::awaitable<bool> read_request(Stream& stream, beast::flat_buffer& buffer,
                                     http::request_parser<http::string_body>& parser) {
    parser.header_limit(16384);
    parser.body_limit(1U << 20);
    parser.eager(true);
    while (!parser.is_done()) {
      if (buffer.size() > 0) {
        boost::system::error_code ec;
        const auto used = parser.put(buffer.data(), ec);
        buffer.consume(used);
        if (ec && ec != http::error::need_more) co_return false;
        if (parser.is_done()) break;
        if (!ec && used > 0) continue;
      }
      const auto space = buffer.prepare(8192);
      auto [ec, count] = co_await stream.async_read_some(space, as_tuple);
      if (ec) co_return false;
      buffer.commit(count);
    }
    co_return true;
  }

  asio::awaitable<void> serve_bmc(tcp::socket socket, std::size_t index) {
    auto& model = *fleet.members()[index].model;
    if (model.options().unreachable) co_return;
    socket.set_option(tcp::no_delay(true));
    const std::uint32_t key = model.options().tls_key;
    ssl::context& context = model.options().tls_1_0_only ? old_tls : keys[key == 2 ? 1 : 0];
    ssl::stream<tcp::socket> stream(std::move(socket), context);
    auto [handshake_error] = co_await stream.async_handshake(ssl::stream_base::server, as_tuple);
    if (handshake_error) co_return;
    boost::system::error_code gone;
    const std::string peer = stream.next_layer().remote_endpoint(gone).address().to_string();
    beast::flat_buffer buffer;
    for (unsigned number = 1;; ++number) {
      http::request_parser<http::string_body> parser;
      const bool complete = co_await read_request(stream, buffer, parser);
      if (!complete || model.options().unreachable || model.options().tls_key != key) co_return;
      auto request = parser.release();
      const bool keep_alive = request.keep_alive();
      auto asked = plain(std::move(request));
      asked.on_connection = number;
      asked.peer = peer;
      if (options.reply_delay.count() > 0) {
        asio::steady_timer delay(io, options.reply_delay);
        co_await delay.async_wait(as_tuple);
      }
      const auto reply = model.handle(asked, os::steady_time());
      advance(index);
      if (reply.kill) control.kill_target();
      if (reply.drop) co_return;
      for (const unsigned before = model.times_let_go(); reply.held && model.times_let_go() == before;) {
        asio::steady_timer a_moment(io, std::chrono::milliseconds(20));
        co_await a_moment.async_wait(as_tuple);
      }
      if (reply.delay.count() > 0) {
        asio::steady_timer slow(io, reply.delay);
        co_await slow.async_wait(as_tuple);
      }
      const std::string bytes = wire(reply, asked.method == "HEAD", keep_alive);
      const auto view = asio::buffer(bytes);
      auto [ec, written] = co_await asio::async_write(stream, view, as_tuple);
      if (ec) co_return;
      if (!keep_alive) co_return co_await say_goodbye(stream);
    }
  }

  /// Closing at once would look like a break to the client, and could reset what it has not read yet.
  asio::awaitable<void> say_goodbye(ssl::stream<tcp::socket>& stream) {
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer patience(io, goodbye_time);
    co_await (stream.async_shutdown(as_tuple) || patience.async_wait(as_tuple));
  }

  asio::awaitable<void> serve_control(tcp::socket socket) {
    beast::flat_buffer buffer;
    for (;;) {
      http::request_parser<http::string_body> parser;
      const bool complete = co_await read_request(socket, buffer, parser);
      if (!complete) co_return;
      const auto asked = plain(parser.release());
      const auto answer = control.handle(asked.method, asked.path, asked.body, os::steady_time());
      for (std::size_t i = 0; asked.method == "POST" && i < timers.size(); ++i) advance(i);
      RedfishReply reply;
      reply.status = answer.status;
      reply.headers = {{"Content-Type", "application/json"}};
      reply.body = answer.body;
      const std::string bytes = wire(reply, false, true);
      const auto view = asio::buffer(bytes);
      auto [ec, written] = co_await asio::async_write(socket, view, as_tuple);
      if (ec) co_return;
    }
  }

  asio::awaitable<void> accept_bmc(std::size_t index) {
    for (;;) {
      auto [ec, socket] = co_await acceptors[index].async_accept(as_tuple);
      if (ec == asio::error::operation_aborted) co_return;
      if (!ec) asio::co_spawn(io, serve_bmc(std::move(socket), index), asio::detached);
    }
  }

  asio::awaitable<void> accept_control() {
    for (;;) {
      auto [ec, socket] = co_await control_acceptor.async_accept(as_tuple);
      if (ec == asio::error::operation_aborted) co_return;
      if (!ec) asio::co_spawn(io, serve_control(std::move(socket)), asio::detached);
    }
  }

  Status open(tcp::acceptor& acceptor, const std::string& address, std::uint16_t port) {
    boost::system::error_code ec;
    const tcp::endpoint endpoint(asio::ip::make_address(address), port);
    acceptor.open(endpoint.protocol(), ec);
    if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor.bind(endpoint, ec);
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return fail(ErrorKind::unavailable, address + ":" + std::to_string(port) + ": " + ec.message());
    return {};
  }
};

Simulation::Simulation(SimulationOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Simulation::~Simulation() = default;

Status Simulation::open() {
  if (auto built = impl_->build(); !built) return built;
  if (auto started = impl_->start_machines(); !started) return started;
  impl_->start_reader();
  for (const auto& member : impl_->fleet.members()) {
    impl_->acceptors.emplace_back(impl_->io);
    if (auto opened = impl_->open(impl_->acceptors.back(), member.address, impl_->options.fleet.port);
        !opened) {
      return opened;
    }
  }
  return impl_->open(impl_->control_acceptor, "127.0.0.1", impl_->options.control_port);
}

std::uint16_t Simulation::control_port() const { return impl_->control_acceptor.local_endpoint().port(); }

Status Simulation::run() {
  for (std::size_t i = 0; i < impl_->acceptors.size(); ++i) {
    asio::co_spawn(impl_->io, impl_->accept_bmc(i), asio::detached);
  }
  asio::co_spawn(impl_->io, impl_->accept_control(), asio::detached);
  asio::signal_set signals(impl_->io, SIGTERM, SIGINT);
  signals.async_wait([this](boost::system::error_code, int) { impl_->io.stop(); });
  if (!impl_->real_machines.empty()) impl_->watch_machines();
  impl_->io.run();
  return impl_->ended;
}

}  // namespace metalmesh::bmcsim
