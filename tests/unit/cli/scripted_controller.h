// A controller that answers from a table, over real TLS on loopback, and can be restarted on its port.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/adapters/asio_runtime.h"
#include "common/adapters/http_server.h"
#include "common/adapters/pki.h"
#include "common/adapters/system_clock.h"
#include "common/ports/exchange_pieces.h"

namespace metalmesh::cli {

class ScriptedController final : public Sink {
 public:
  explicit ScriptedController(const std::filesystem::path& folder) : folder_(folder) {
    const auto written = adapters::init_pki(folder, {}, adapters::SystemClock().now().wall());
    EXPECT_TRUE(written) << written.error().message;
    start();
  }
  ~ScriptedController() override { stop(); }
  ScriptedController(const ScriptedController&) = delete;
  ScriptedController& operator=(const ScriptedController&) = delete;

  void start() {
    auto server = adapters::HttpServer::start(runtime_,
                                              {.address = "127.0.0.1",
                                               .port = port_,
                                               .certificate_file = (folder_ / "api.crt").string(),
                                               .key_file = (folder_ / "api.key").string(),
                                               .limits = {}},
                                              *this);
    ASSERT_TRUE(server) << server.error().message;
    port_ = (*server)->port();
    const std::lock_guard lock(mutex_);
    server_ = std::move(*server);
  }
  void stop() {
    std::unique_ptr<adapters::HttpServer> server;
    {
      const std::lock_guard lock(mutex_);
      server = std::move(server_);
    }
    if (server != nullptr) server->stop(std::chrono::milliseconds(200));
  }

  /// From now on `method path` (query included) answers this.
  void answer(const std::string& request, int status, const std::string& body) {
    const std::lock_guard lock(mutex_);
    answers_[request] = {status, body};
  }
  /// The next one who asks for a stream is refused.
  void refuse_stream(int status, const std::string& body) {
    const std::lock_guard lock(mutex_);
    refusals_.emplace_back(status, body);
  }
  /// To every open stream.
  void send(const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    for (const ExchangeId id : streams_) server_->chunk({id, bytes, false});
  }
  /// The n-th request that was given a stream, from 1, or an empty one after ten seconds.
  ExchangeOpened wait_for_stream(std::size_t n) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(10), [&] { return stream_requests_.size() >= n; }))
      return {};
    return stream_requests_[n - 1];
  }
  /// Until this was asked `times` times.
  void wait_for_request(const std::string& method, const std::string& target, std::ptrdiff_t times) {
    std::unique_lock lock(mutex_);
    const auto is_it = [&](const ExchangeOpened& r) { return r.method == method && r.target == target; };
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(10),
                                  [&] { return std::ranges::count_if(requests_, is_it) >= times; }));
  }
  std::vector<ExchangeOpened> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  [[nodiscard]] std::string url(const std::string& host = "localhost") const {
    return "https://" + host + ":" + std::to_string(port_);
  }

  void deliver(Input input) override {
    const std::lock_guard lock(mutex_);
    if (const auto* drained = std::get_if<ExchangeDrained>(&input)) return open_stream(drained->id);
    const auto* opened = std::get_if<ExchangeOpened>(&input);
    if (opened == nullptr || server_ == nullptr) return;
    if (!header(*opened, body_goes_on).empty()) {
      pieces_[opened->id] += opened->body;
      server_->reply({opened->id, 100, {}, {}, false});
      return;
    }
    requests_.push_back(*opened);
    requests_.back().body.insert(0, pieces_[opened->id]);
    pieces_.erase(opened->id);
    changed_.notify_all();
    if (header(*opened, "accept") == "text/event-stream" && !refusals_.empty()) {
      server_->reply({opened->id, refusals_.front().first, {}, refusals_.front().second, false});
      refusals_.erase(refusals_.begin());
      return;
    }
    if (header(*opened, "accept") == "text/event-stream") {
      asked_.emplace(opened->id, *opened);
      server_->reply({opened->id, 200, {{"content-type", "text/event-stream"}}, "retry: 2000\n\n", true});
      return;
    }
    const auto found = answers_.find(opened->method + " " + opened->target);
    if (found == answers_.end()) {
      server_->reply({opened->id,
                      404,
                      {},
                      R"({"title":"not found","detail":"nothing at )" + opened->target + "\"}",
                      false});
    } else {
      server_->reply({opened->id, found->second.first, {}, found->second.second, false});
    }
  }

  static std::string header(const ExchangeOpened& request, std::string_view name) {
    for (const auto& [key, value] : request.headers) {
      if (key == name) return value;
    }
    return {};
  }

 private:
  /// The head of the reply is on its way: what is sent from now on comes after it.
  void open_stream(ExchangeId id) {
    const auto asked = asked_.find(id);
    if (asked == asked_.end()) return;
    streams_.push_back(id);
    stream_requests_.push_back(std::move(asked->second));
    asked_.erase(asked);
    changed_.notify_all();
  }

  std::filesystem::path folder_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::pair<int, std::string>> answers_;
  std::vector<std::pair<int, std::string>> refusals_;
  std::map<ExchangeId, ExchangeOpened> asked_;
  std::vector<ExchangeId> streams_;
  std::vector<ExchangeOpened> stream_requests_;
  std::map<ExchangeId, std::string> pieces_;  // of bodies that are on their way
  std::vector<ExchangeOpened> requests_;
  adapters::AsioRuntime runtime_;
  std::unique_ptr<adapters::HttpServer> server_;
};

}  // namespace metalmesh::cli
