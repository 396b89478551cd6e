#include "common/adapters/tcp_prober.h"

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "common/adapters/descriptors.h"
#include "common/base/check.h"

namespace metalmesh::adapters {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// Until there may be a descriptor again.
constexpr Duration short_pause = std::chrono::milliseconds(200);
constexpr std::size_t banner_limit = 255;

std::string printable_first_line(std::string_view bytes) {
  std::string line(bytes.substr(0, bytes.find_first_of("\r\n")));
  std::erase_if(line, [](char c) { return c < 0x20 || c > 0x7e; });
  return line;
}

}  // namespace

struct TcpProber::State {
  struct Probe;
  State(asio::io_context& where, Sink& to, std::size_t most_probes)
      : context(where), most(most_probes), sink(&to) {}

  void answer(const std::shared_ptr<Probe>& probe, bool open, std::string detail);

  asio::io_context& context;
  const std::size_t most;
  std::mutex mutex;  // guards `sink`, which the destructor clears from another thread
  Sink* sink;
  std::set<std::shared_ptr<Probe>> running;  // runtime thread only
};

struct TcpProber::State::Probe : std::enable_shared_from_this<Probe> {
  Probe(std::shared_ptr<State> owner, ProbeStart what)
      : state(std::move(owner)),
        start(std::move(what)),
        socket(state->context),
        resolver(state->context),
        timer(state->context),
        pause(state->context) {}

  void run() {
    timer.expires_after(std::max(start.timeout, Duration(std::chrono::milliseconds(1))));
    timer.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error) self->finish(self->length > 0, self->late());
    });
    error_code not_numeric;
    const auto address = asio::ip::make_address(start.host, not_numeric);
    if (!not_numeric) return connect({tcp::endpoint(address, start.port)});
    resolver.async_resolve(
        start.host, std::to_string(start.port),
        [self = shared_from_this()](const error_code& error, const tcp::resolver::results_type& found) {
          if (error) return self->finish(false, "the name does not resolve: " + error.message());
          self->connect({found.begin(), found.end()});
        });
  }

  void connect(std::vector<tcp::endpoint> candidates) {
    if (done) return;
    if (candidates.empty()) return finish(false, "the name has no address");
    const tcp::endpoint next = candidates.front();
    candidates.erase(candidates.begin());
    socket = tcp::socket(state->context);
    socket.async_connect(next, [self = shared_from_this(), next,
                                rest = std::move(candidates)](const error_code& error) mutable {
      if (self->done) return;
      if (error && is_out_of_descriptors(error.value())) return self->connect_later(next, std::move(rest));
      if (error && !rest.empty()) return self->connect(std::move(rest));
      if (error) return self->finish(false, error.message());
      self->connected = true;
      if (!self->start.want_banner) return self->finish(true, "connected");
      self->read_banner();
    });
  }

  /// That this process has no descriptor says nothing about whoever is asked.
  void connect_later(const tcp::endpoint& next, std::vector<tcp::endpoint> rest) {
    starved = true;
    rest.insert(rest.begin(), next);
    pause.expires_after(short_pause);
    pause.async_wait([self = shared_from_this(), all = std::move(rest)](const error_code& error) mutable {
      if (error || self->done) return;
      self->starved = false;
      self->connect(std::move(all));
    });
  }

  void read_banner() {
    const auto space = asio::buffer(bytes.data() + length, bytes.size() - length);
    socket.async_read_some(space, [self = shared_from_this()](const error_code& error, std::size_t count) {
      if (self->done) return;
      self->length += count;
      const std::string_view seen(self->bytes.data(), self->length);
      const bool complete = seen.find('\n') != std::string_view::npos || self->length == self->bytes.size();
      if (complete || (error && self->length > 0)) return self->finish(true, printable_first_line(seen));
      if (error) return self->finish(false, "connected, but closed without a banner: " + error.message());
      self->read_banner();
    });
  }

  [[nodiscard]] std::string late() const {
    if (starved) return no_descriptor_left();
    if (length > 0) return printable_first_line({bytes.data(), length});
    return connected ? "connected, but no banner in time" : "no answer in time";
  }

  void finish(bool open, std::string detail) {
    if (std::exchange(done, true)) return;
    error_code ignored;
    timer.cancel();
    pause.cancel();
    resolver.cancel();
    socket.close(ignored);
    state->answer(shared_from_this(), open, std::move(detail));
  }

  std::shared_ptr<State> state;
  ProbeStart start;
  tcp::socket socket;
  tcp::resolver resolver;
  asio::steady_timer timer;
  asio::steady_timer pause;
  std::array<char, banner_limit> bytes{};
  std::size_t length = 0;
  bool connected = false;
  bool starved = false;  // it waits for a descriptor of this process
  bool done = false;
};

void TcpProber::State::answer(const std::shared_ptr<Probe>& probe, bool open, std::string detail) {
  running.erase(probe);
  const std::scoped_lock lock(mutex);
  if (sink != nullptr) sink->deliver(ProbeAnswered{probe->start.id, open, std::move(detail)});
}

TcpProber::TcpProber(AsioRuntime& runtime, Sink& sink, std::size_t most_probes)
    : runtime_(runtime), state_(std::make_shared<State>(runtime.context(), sink, most_probes)) {}

TcpProber::~TcpProber() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->sink = nullptr;
  }
  runtime_.post([state = std::move(state_)] {
    const auto running = state->running;
    for (const auto& probe : running) probe->finish(false, {});
  });
}

void TcpProber::probe(ProbeStart probe) {
  runtime_.post([state = state_, start = std::move(probe)]() mutable {
    if (state->running.size() >= state->most) {
      const std::scoped_lock lock(state->mutex);
      if (state->sink != nullptr)
        state->sink->deliver(ProbeAnswered{start.id, false, "too many probes at once"});
      return;
    }
    auto running = std::make_shared<State::Probe>(state, std::move(start));
    state->running.insert(running);
    running->run();
  });
}

}  // namespace metalmesh::adapters
