#include "agents/media/server/media_loop.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "agents/media/server/loop_time.h"
#include "agents/media/server/pipe_signal.h"
#include "common/os/clocks.h"

namespace metalmesh::media {
namespace {

constexpr ConnId listener_id = 0;
constexpr ConnId wakeup_id = 1;
constexpr ConnId packages_id = 2;
constexpr ConnId plain_id = 3;
constexpr Duration sweep_every = std::chrono::seconds(1);
constexpr Duration told_again_after = std::chrono::minutes(1);
/// The core goes through all mounts at each tick, so not at each event.
constexpr Duration tick_every = std::chrono::milliseconds(50);
/// Of content between two looks at who else wants something.
constexpr std::uint64_t round_bytes = 2 * 1024 * 1024;

/// Of content in the kernel per reader. On plain TCP that is pages of the image, which are there anyway. Over
/// TLS it is memory: for a few readers much, because to be asked seldom costs less; for hundreds little, so
/// that together they fit into the processor's cache and thousands into memory.
int most_unsent(bool tls, std::size_t readers) {
  constexpr std::size_t plain = 4 << 20, tls_least = 256 << 10, tls_most = 4 << 20, tls_together = 32 << 20;
  return static_cast<int>(tls ? std::clamp(tls_together / (readers + 1), tls_least, tls_most) : plain);
}

std::string address_of(const sockaddr_storage& peer) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (peer.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(peer).sin_addr, text.data(), text.size());
  } else if (peer.ss_family == AF_INET6) {
    const in6_addr& six = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&six)) {
      inet_ntop(AF_INET, six.s6_addr + 12, text.data(), text.size());
    } else {
      inet_ntop(AF_INET6, &six, text.data(), text.size());
    }
  }
  return text.data();
}

bool watch(int epoll, int operation, int fd, std::uint32_t events, ConnId id) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  return epoll_ctl(epoll, operation, fd, &event) == 0;
}

}  // namespace

MediaLoop::MediaLoop(Listeners listeners, SslContext tls, const MediaServerOptions& options, Sink& sink,
                     LogSink& log)
    : listeners_(std::move(listeners)),
      tls_(std::move(tls)),
      most_connections_(options.connections),
      patience_(options.patience),
      sink_(sink),
      log_(log),
      memory_(options.memory.empty() ? std::nullopt : std::optional<LaunchedMedia>(options.memory)),
      core_(&images_),
      pacer_(options.bandwidth),
      next_id_(plain_id + 1),
      scratch_(scratch_bytes),
      disk_([this] {
        disk_answered_ = true;
        wake_up();
      }) {}

Status MediaLoop::prepare() {
  epoll_ = FileHandle(epoll_create1(EPOLL_CLOEXEC));
  wakeup_ = FileHandle(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!epoll_ || !wakeup_ || !watch_listeners(EPOLL_CTL_ADD, EPOLLIN) ||
      !watch(epoll_.get(), EPOLL_CTL_ADD, wakeup_.get(), EPOLLIN, wakeup_id)) {
    return fail(ErrorKind::internal,
                "media server: " + std::error_code(errno, std::generic_category()).message());
  }
  return {};
}

bool MediaLoop::watch_listeners(int operation, std::uint32_t events) {
  const auto watched = [&](const Listener& listener, ConnId id) {
    return !listener.socket || watch(epoll_.get(), operation, listener.socket.get(), events, id);
  };
  return watched(listeners_.media, listener_id) && watched(listeners_.packages, packages_id) &&
         watched(listeners_.plain, plain_id);
}

void MediaLoop::post(wire::MediaCommand command) {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(command));
    ordered_ = true;
  }
  wake_up();
}

void MediaLoop::renew(SslContext tls) {
  {
    const std::lock_guard lock(mutex_);
    renewed_ = std::move(tls);
    ordered_ = true;
  }
  wake_up();
}

void MediaLoop::stop() {
  stopping_ = true;
  wake_up();
}

void MediaLoop::wake_up() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wakeup_.get(), &one, sizeof one);
}

void MediaLoop::run() {
  block_pipe_signal();
  pthread_setname_np(pthread_self(), "media");  // `top -H` tells it from the rest of the agent
  if (memory_) remember(os::boot_time());
  std::array<epoll_event, 512> events{};
  while (!stopping_) {
    const int count =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms(os::boot_time()));
    const MonoTime now = os::boot_time();
    if (ordered_) take_commands();
    if (disk_answered_) take_from_disk(now);
    for (int i = 0; i < count; ++i) {
      wake(events[static_cast<std::size_t>(i)].data.u64, events[static_cast<std::size_t>(i)].events, now);
      if (ordered_) take_commands();  // a mount that died must not wait for the readers of this round
    }
    serve_turns(now);
    while (!runnable_.empty()) {
      const std::vector<ConnId> batch = std::exchange(runnable_, {});
      for (const ConnId id : batch) step(id, now);
    }
    if (now >= next_tick_) tick(now);
    if (now >= next_sweep_) sweep(now);
  }
}

void MediaLoop::wake(ConnId id, std::uint32_t events, MonoTime now) {
  if (id == listener_id) return accept_readers(now, listeners_.media, Door::media);
  if (id == packages_id) return accept_readers(now, listeners_.packages, Door::packages);
  if (id == plain_id) return accept_readers(now, listeners_.plain, Door::plain);
  if (id == wakeup_id) {
    // Drained before the orders are taken, so that an order posted meanwhile wakes the next round.
    std::uint64_t drained = 0;
    [[maybe_unused]] const auto got = ::read(wakeup_.get(), &drained, sizeof drained);
    return take_commands();
  }
  const auto found = readers_.find(id);
  if (found == readers_.end()) return;
  const Connection& connection = *found->second.connection;
  const bool lost =
      (events & (EPOLLERR | EPOLLHUP)) != 0 || (events & (EPOLLIN | EPOLLOUT | EPOLLRDHUP)) == EPOLLRDHUP;
  if (lost && !connection.in_handshake()) return drop(id);
  if (connection.awaits_disk()) return;
  if (!connection.sends_content()) {
    step(id, now);
  } else if (pacer_.queued(id)) {
    wait_for(found->second, Connection::Wait::turn);  // we know; be quiet until then
  } else {
    pacer_.queue(connection.peer(), id);
  }
}

void MediaLoop::serve_turns(MonoTime now) {
  for (std::uint64_t sent = 0; sent < round_bytes;) {
    const auto turn = pacer_.next(now);
    if (!turn) return;
    const std::uint64_t of_turn = step(turn->reader, now, turn->bytes);
    pacer_.sent(of_turn);
    sent += of_turn;
    if (ordered_) take_commands();
  }
}

void MediaLoop::tick(MonoTime now) {
  next_tick_ = now + tick_every;
  apply(core_.on_tick(as_now(now)), now);
  core_due_ = core_.next_due();
  core_stirred_ = false;
}

int MediaLoop::timeout_ms(MonoTime now) const {
  if (!runnable_.empty()) return 0;
  MonoTime until = next_sweep_;
  if (core_stirred_) until = std::min(until, next_tick_);
  if (core_due_) until = std::min(until, std::max(*core_due_, next_tick_));
  if (const auto turn = pacer_.due()) until = std::min(until, *turn);
  if (until <= now) return 0;
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(until - now).count());
}

void MediaLoop::accept_readers(MonoTime now, const Listener& listener, Door door) {
  const bool from_hosts = door == Door::packages;
  for (int i = 0; i < 64; ++i) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    FileHandle socket(accept4(listener.socket.get(), reinterpret_cast<sockaddr*>(&peer), &length,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;
      // Out of descriptors: the listener stays readable, so look away until the next sweep.
      tell_no_descriptor(now);
      drop_idle(false);
      accepting_ = !watch_listeners(EPOLL_CTL_MOD, 0);
      return;
    }
    // Closed at once where all are at work; BMCs come again. Half of all is for BMCs alone.
    if (readers_.size() >= most_connections_ && !drop_idle(from_hosts)) continue;
    if (from_hosts && hosts_ >= most_connections_ / 2 && !drop_idle(true)) continue;
    // Nor does any address have more than half of them for readers that name no medium.
    if (const std::size_t half = most_connections_ / 2; readers_.size() >= half) {
      if (const auto oldest = beyond_share(idle_readers(false), address_of(peer), half)) drop(*oldest);
    }
    const ConnId id = next_id_++;
    SSL_CTX* tls = door == Door::media ? tls_.get() : nullptr;
    NetSocket link(std::move(socket), tls, most_unsent(tls != nullptr, readers_.size()));
    auto connection =
        std::make_unique<Connection>(id, std::move(link), address_of(peer), door, patience_, now);
    constexpr std::uint32_t events = EPOLLIN | EPOLLRDHUP;
    if (!watch(epoll_.get(), EPOLL_CTL_ADD, connection->fd(), events, id)) continue;
    readers_.emplace(id, Reader{std::move(connection), events});
    if (from_hosts) ++hosts_;
    step(id, now);
  }
}

std::vector<IdleReader> MediaLoop::idle_readers(bool from_hosts) const {
  std::vector<IdleReader> idle;
  for (const auto& [id, reader] : readers_) {
    const Connection& connection = *reader.connection;
    const auto since = connection.idle_since();
    if (!since || (from_hosts && !connection.from_hosts())) continue;
    idle.push_back({id, connection.peer(), *since, !connection.was_served()});
  }
  return idle;
}

bool MediaLoop::drop_idle(bool from_hosts) {
  const auto first = makes_room(idle_readers(from_hosts));
  if (first) drop(*first);
  return first.has_value();
}

void MediaLoop::tell_no_descriptor(MonoTime now) {
  if (no_descriptor_told_ && now - *no_descriptor_told_ < told_again_after) return;
  no_descriptor_told_ = now;
  log_.write(
      {LogLevel::error,
       "no reader can be accepted: all descriptors of this process are in use; next: raise LimitNOFILE of "
       "its unit (ulimit -n)",
       {{"readers", std::to_string(readers_.size())}}});
}

void MediaLoop::wait_for(Reader& reader, Connection::Wait wait) {
  std::uint32_t events = 0;
  switch (wait) {
    case Connection::Wait::readable:
      events = EPOLLIN | EPOLLRDHUP;
      break;
    case Connection::Wait::writable:
      events = EPOLLOUT;
      break;
    case Connection::Wait::verdict:
      events = EPOLLRDHUP;
      break;
    case Connection::Wait::turn:
    case Connection::Wait::disk:
      break;
    case Connection::Wait::gone:
      return;
  }
  if (events == reader.watched) return;
  reader.watched = events;
  watch(epoll_.get(), EPOLL_CTL_MOD, reader.connection->fd(), events, reader.connection->id());
}

std::uint64_t MediaLoop::step(ConnId id, MonoTime now, std::size_t most_content) {
  const auto found = readers_.find(id);
  if (found == readers_.end()) return 0;
  Connection& connection = *found->second.connection;
  Connection::Progress progress =
      connection.step(now, most_content, scratch_, [&] { return core_.may_continue(id); });
  if (progress.content_sent > 0) {
    apply(core_.on_sent(id, progress.content_sent, as_now(now)), now);
    core_stirred_ = true;
  }
  if (!progress.tls_refused.empty()) report_tls(connection.peer(), progress.tls_refused, now);
  if (progress.wait == Connection::Wait::gone) {
    drop(id);
  } else if (progress.wait == Connection::Wait::turn) {
    pacer_.queue(connection.peer(), id);
  } else if (progress.request) {
    ask(std::move(*progress.request), now);
  } else {
    if (progress.wait == Connection::Wait::disk) disk_.ask(id, connection.file(), progress.wanted, now);
    wait_for(found->second, progress.wait);
  }
  return progress.content_sent;
}

void MediaLoop::drop(ConnId id) {
  core_.on_closed(id);
  pacer_.forget(id);
  const auto found = readers_.find(id);
  if (found == readers_.end()) return;
  if (found->second.connection->from_hosts()) --hosts_;
  readers_.erase(found);  // closing the descriptor takes it out of epoll
}

void MediaLoop::sweep(MonoTime now) {
  next_sweep_ = now + sweep_every;
  std::vector<ConnId> late;
  for (const auto& [id, reader] : readers_) {
    reader.connection->look_for_progress(now);
    // Who queues for a turn or waits for the disk waits for us, not we for them.
    const bool expired =
        reader.connection->expired(now) && !pacer_.queued(id) && !reader.connection->awaits_disk();
    if (expired || reader.connection->is_done()) late.push_back(id);
  }
  for (const ConnId id : late) {
    const Connection& connection = *readers_.at(id).connection;
    if (connection.in_handshake() && connection.handshake_began()) {
      report_tls(connection.peer(), "the handshake was not finished in time", now);
    }
    drop(id);
  }
  files_.keep(core_.files_served());
  if (!accepting_) accepting_ = watch_listeners(EPOLL_CTL_MOD, EPOLLIN);
}

}  // namespace metalmesh::media
