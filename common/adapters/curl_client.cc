#include "common/adapters/curl_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
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

/// Kept connections over all hosts; a site has fewer BMCs.
constexpr long most_kept_connections = 1024;
constexpr int poll_ms = 60'000;
/// Idle hosts remembered, for the trust their kept connection was made under.
constexpr std::size_t most_hosts = 4096;

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
    MM_CHECK(multi_ != nullptr);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, most_kept_connections);
    thread_ = std::thread([this] { run(); });
  }
  ~Loop() {
    stopping_ = true;
    curl_multi_wakeup(multi_);
    thread_.join();
    for (auto& [origin, host] : hosts_) {
      if (host.running) curl_multi_remove_handle(multi_, host.running->handle());
    }
    hosts_.clear();
    curl_multi_cleanup(multi_);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void start(HttpRequest request) {
    {
      const std::scoped_lock lock(mutex_);
      arrived_.push_back(std::move(request));
    }
    curl_multi_wakeup(multi_);
  }

 private:
  struct Host {
    std::deque<HttpRequest> waiting;
    std::unique_ptr<CurlTransfer> running;
    // Under which trust and pin the kept connection was made.
    std::optional<std::pair<TlsTrust, std::string>> trust;
  };

  void run() {
    while (!stopping_) {
      take_arrived();
      int running = 0;
      curl_multi_perform(multi_, &running);
      collect_finished();
      // A wake-up sent since take_arrived is not lost: it ends the next poll.
      if (!stopping_) curl_multi_poll(multi_, nullptr, 0, poll_ms, nullptr);
    }
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
      if (!host.running) start_next(host);
    }
  }

  /// Starts the first waiting request that can be sent; those that cannot are answered.
  void start_next(Host& host) {
    while (!host.running && !host.waiting.empty()) {
      HttpRequest request = std::move(host.waiting.front());
      host.waiting.pop_front();
      std::pair trust(request.trust, request.trust == TlsTrust::pin ? request.pin_sha256 : std::string());
      auto origin = origin_of(request.url);
      auto transfer = std::make_unique<CurlTransfer>(options_, std::move(request), std::move(*origin));
      if (auto answer = transfer->prepare(credentials_, host.trust != trust)) {
        deliver(std::move(*answer));
        continue;
      }
      host.trust = std::move(trust);
      MM_CHECK(curl_multi_add_handle(multi_, transfer->handle()) == CURLM_OK);
      host.running = std::move(transfer);
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
      auto answer = transfer->finish(code);
      if (!answer) {
        MM_CHECK(curl_multi_add_handle(multi_, easy) == CURLM_OK);
        continue;
      }
      // A failed transfer leaves no connection worth keeping, so the next one starts on a fresh one anyway.
      found->second.running.reset();
      deliver(std::move(*answer));
      start_next(found->second);
    }
  }

  void deliver(CurlTransfer::Answer answer) {
    std::visit([this](auto&& value) { sink_.deliver(std::move(value)); }, std::move(answer));
  }

  const CurlClientOptions options_;
  const CredentialSource& credentials_;
  Sink& sink_;
  CURLM* multi_ = nullptr;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::vector<HttpRequest> arrived_;   // guarded by mutex_
  std::map<std::string, Host> hosts_;  // thread_ only
  std::thread thread_;
};

CurlClient::CurlClient(CurlClientOptions options, const CredentialSource& credentials, Sink& sink)
    : loop_(std::make_unique<Loop>(std::move(options), credentials, sink)) {}
CurlClient::~CurlClient() = default;

void CurlClient::start(HttpRequest request) { loop_->start(std::move(request)); }

}  // namespace metalmesh::adapters
