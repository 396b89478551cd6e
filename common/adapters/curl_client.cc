#include "common/adapters/curl_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "common/adapters/curl_transfer.h"
#include "common/base/check.h"

namespace metalmesh::adapters {
namespace {

constexpr int longest_wait_ms = 60'000;
/// Idle hosts remembered, for the trust their kept connection was made under.
constexpr std::size_t most_hosts = 4096;
constexpr std::size_t most_spare_handles = 64;

void init_curl_once() {
  static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
  MM_CHECK(done == CURLE_OK);
}

}  // namespace

class CurlClient::Loop {
 public:
  Loop(CurlClientOptions options, const CredentialSource& credentials, Sink& sink)
      : options_(std::move(options)), credentials_(credentials), sink_(sink) {
    init_curl_once();
    multi_ = curl_multi_init();
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    wakeup_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    MM_CHECK(multi_ != nullptr && epoll_ >= 0 && wakeup_ >= 0);
    watch(EPOLL_CTL_ADD, wakeup_, EPOLLIN);
    const auto most = static_cast<long>(std::max<std::size_t>(1, options_.connections));
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, most);
    curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, most);
    curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Loop::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Loop::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    thread_ = std::thread([this] { run(); });
  }
  ~Loop() {
    stopping_ = true;
    wake();
    thread_.join();
    for (auto& [origin, host] : hosts_) {
      if (host.running) curl_multi_remove_handle(multi_, host.running->handle());
    }
    hosts_.clear();
    curl_multi_cleanup(multi_);
    ::close(wakeup_);
    ::close(epoll_);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void start(HttpRequest request) {
    bool first = false;
    {
      const std::scoped_lock lock(mutex_);
      first = arrived_.empty();
      arrived_.push_back(std::move(request));
    }
    if (first) wake();  // for those that follow it is on its way
  }

 private:
  struct Host {
    std::deque<HttpRequest> waiting;
    std::unique_ptr<CurlTransfer> running;
    bool in_line = false;  // for a connection
    // Under which trust and pin the kept connection was made.
    std::optional<std::pair<TlsTrust, std::string>> trust;
  };

  using Clock = std::chrono::steady_clock;

  /// Only transfers on whose sockets something happened are looked at: with hundreds of BMCs, asking all of
  /// them each time would cost more than talking to them.
  void run() {
    pthread_setname_np(pthread_self(), "http");
    std::array<epoll_event, 64> events{};
    while (!stopping_) {
      const int count =
          epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), milliseconds_to_wait());
      int running = 0;
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == wakeup_) {
          std::uint64_t drained = 0;
          [[maybe_unused]] const auto got = ::read(wakeup_, &drained, sizeof drained);
        } else {
          curl_multi_socket_action(multi_, event.data.fd, actions(event.events), &running);
        }
      }
      if (due_ && Clock::now() >= *due_) {
        due_.reset();
        curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
      }
      collect_finished();
      take_arrived();  // after the wake-up was drained: what arrives later wakes the next round
    }
  }

  [[nodiscard]] int milliseconds_to_wait() const {
    if (!due_) return longest_wait_ms;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due_ - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, longest_wait_ms));
  }

  static int actions(std::uint32_t events) {
    int out = 0;
    if ((events & (EPOLLIN | EPOLLHUP)) != 0) out |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0) out |= CURL_CSELECT_OUT;
    if ((events & EPOLLERR) != 0) out |= CURL_CSELECT_ERR;
    return out;
  }

  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
    auto& loop = *static_cast<Loop*>(self);
    if (what == CURL_POLL_REMOVE) {
      epoll_ctl(loop.epoll_, EPOLL_CTL_DEL, socket, nullptr);
      return 0;
    }
    const std::uint32_t events =
        (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
    if (!loop.watch(EPOLL_CTL_MOD, socket, events)) loop.watch(EPOLL_CTL_ADD, socket, events);
    return 0;
  }

  static int on_timer(CURLM*, long milliseconds, void* self) {
    auto& due = static_cast<Loop*>(self)->due_;
    due.reset();
    if (milliseconds >= 0) due = Clock::now() + std::chrono::milliseconds(milliseconds);
    return 0;
  }

  bool watch(int operation, int socket, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = socket;
    return epoll_ctl(epoll_, operation, socket, &event) == 0;
  }

  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wakeup_, &one, sizeof one);
  }

  void take_arrived() {
    std::vector<HttpRequest> arrived;
    {
      const std::scoped_lock lock(mutex_);
      arrived.swap(arrived_);
    }
    if (hosts_.size() > most_hosts) {
      std::erase_if(hosts_,
                    [](const auto& host) { return !host.second.running && host.second.waiting.empty(); });
    }
    for (HttpRequest& request : arrived) {
      const auto origin = origin_of(request.url);
      if (!origin) {
        sink_.deliver(HttpFailed{request.id, HttpFailure::refused, origin.error().message});
        continue;
      }
      Host& host = hosts_[origin->host + ":" + origin->port];
      if (host.waiting.size() >= options_.queued_per_host) {
        sink_.deliver(
            HttpFailed{request.id, HttpFailure::refused, "too many requests wait for " + origin->str()});
        continue;
      }
      host.waiting.push_back(std::move(request));
      start_next(host);
    }
  }

  /// A connection has become free: for whoever has waited for one the longest.
  void start_waiting() {
    while (!no_room() && !in_line_.empty()) {
      const auto host = hosts_.find(in_line_.front());
      in_line_.pop_front();
      if (host == hosts_.end()) continue;
      host->second.in_line = false;
      start_next(host->second);
    }
  }
  [[nodiscard]] bool no_room() const { return running_ >= std::max<std::size_t>(1, options_.connections); }

  /// Starts the first waiting request that can be sent; those that cannot are answered.
  void start_next(Host& host) {
    while (!host.running && !host.waiting.empty()) {
      if (no_room()) {
        const auto origin = origin_of(host.waiting.front().url);
        if (!std::exchange(host.in_line, true)) in_line_.push_back(origin->host + ":" + origin->port);
        return;
      }
      HttpRequest request = std::move(host.waiting.front());
      host.waiting.pop_front();
      std::pair trust(request.trust, request.trust == TlsTrust::pin ? request.pin_sha256 : std::string());
      auto origin = origin_of(request.url);
      auto transfer =
          std::make_unique<CurlTransfer>(options_, std::move(request), std::move(*origin), easy_handle());
      if (auto answer = transfer->prepare(credentials_, host.trust != trust)) {
        deliver(std::move(*answer));
        continue;
      }
      host.trust = std::move(trust);
      MM_CHECK(curl_multi_add_handle(multi_, transfer->handle()) == CURLM_OK);
      host.running = std::move(transfer);
      ++running_;
    }
  }

  void collect_finished() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* easy = message->easy_handle;
      const CURLcode code = message->data.result;
      CurlTransfer* transfer = nullptr;
      curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
      curl_multi_remove_handle(multi_, easy);
      const auto found = hosts_.find(transfer->origin().host + ":" + transfer->origin().port);
      MM_CHECK(found != hosts_.end());
      CurlTransfer::Answer answer = transfer->finish(code);
      // A failed transfer leaves no connection worth keeping, so the next one starts on a fresh one anyway.
      const auto over = std::exchange(found->second.running, nullptr);
      --running_;
      if (spare_.size() < most_spare_handles) spare_.push_back(over->take_handle());
      deliver(std::move(answer));
      start_waiting();  // first, so that no host gets two turns while another waits for its first
      start_next(found->second);
    }
  }

  CurlTransfer::EasyHandle easy_handle() {
    if (spare_.empty()) return {curl_easy_init(), curl_easy_cleanup};
    auto handle = std::move(spare_.back());
    spare_.pop_back();
    return handle;
  }

  void deliver(CurlTransfer::Answer answer) {
    std::visit([this](auto value) { sink_.deliver(std::move(value)); }, std::move(answer));
  }

  const CurlClientOptions options_;
  const CredentialSource& credentials_;
  Sink& sink_;
  CURLM* multi_ = nullptr;
  int epoll_ = -1;
  int wakeup_ = -1;
  std::optional<Clock::time_point> due_;  // thread_ only
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::vector<HttpRequest> arrived_;             // guarded by mutex_
  std::map<std::string, Host> hosts_;            // thread_ only
  std::deque<std::string> in_line_;              // hosts that wait for a connection; thread_ only
  std::size_t running_ = 0;                      // thread_ only
  std::vector<CurlTransfer::EasyHandle> spare_;  // thread_ only
  std::thread thread_;
};

CurlClient::CurlClient(CurlClientOptions options, const CredentialSource& credentials, Sink& sink)
    : loop_(std::make_unique<Loop>(std::move(options), credentials, sink)) {}
CurlClient::~CurlClient() = default;

void CurlClient::start(HttpRequest request) { loop_->start(std::move(request)); }

}  // namespace metalmesh::adapters
