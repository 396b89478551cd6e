// Connections: which are kept, in what order hosts are asked, and that none holds up another.
#include <algorithm>
#include <set>
#include <thread>

#include "tests/contract/http_client/client_bench.h"
#include "tests/contract/support/few_descriptors.h"

namespace metalmesh::adapters {
namespace {

using testing::Pair;

TEST_F(HttpClientTest, after_the_last_request_the_connection_is_closed) {
  start_api();
  std::vector<std::string> peers;
  for (const bool last : {false, true, false}) {
    HttpRequest asked = request("GET", base_ + "/");
    asked.last = last;
    ASSERT_TRUE(reply_of(asked));
    const auto seen = far_end_.next<ExchangeOpened>();
    ASSERT_TRUE(seen);
    EXPECT_EQ(testing::Value(seen->headers, testing::Contains(Pair("connection", "close"))), last);
    peers.push_back(seen->peer);
  }
  EXPECT_EQ(peers[0], peers[1]);
  EXPECT_NE(peers[1], peers[2]);
}

TEST_F(HttpClientTest, more_hosts_than_connections_take_turns) {
  server_ = serve("api", far_end_, 0, "0.0.0.0");
  CurlClientOptions options;
  options.connections = 4;
  start_client(options);
  const std::string port = std::to_string(server_->port());
  const std::string key = key_of("api");
  std::vector<HttpRequest> asked;
  for (int round = 0; round < 3; ++round) {
    for (int host = 1; host <= 20; ++host) {
      asked.push_back(request("GET", "https://127.0.0." + std::to_string(host) + ":" + port + "/"));
      asked.back().trust = TlsTrust::pin;
      asked.back().pin_sha256 = key;
    }
  }
  const std::size_t before = contract::open_descriptors();
  std::size_t most = 0;
  for (const HttpRequest& one : asked) client_->start(one);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    ASSERT_TRUE(sink_.next<HttpReplied>([](const auto&) { return true; }, 10s)) << i;
    most = std::max(most, contract::open_descriptors());
  }
  EXPECT_LE(most, before + 3 * 4 + 2) << "both ends of four connections, and far ends of those just let go";
}

TEST_F(HttpClientTest, a_host_keeps_one_connection_whatever_it_was_asked_under) {
  start_api();
  const std::size_t before = contract::open_descriptors();
  for (int i = 0; i < 12; ++i) {
    auto one = request("GET", base_ + "/");
    one.trust = i % 2 == 0 ? TlsTrust::ca : TlsTrust::capture;
    ASSERT_TRUE(reply_of(one));
  }
  EXPECT_LE(contract::open_descriptors(), before + 2 + 1);
}

TEST_F(HttpClientTest, without_keep_alive_each_request_has_its_own_connection) {
  start_api();
  CurlClientOptions options;
  options.keep_alive = false;
  start_client(options);
  std::set<std::string> peers;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(reply_of(request("GET", base_ + "/")));
    const auto seen = far_end_.next<ExchangeOpened>();
    ASSERT_TRUE(seen);
    EXPECT_THAT(seen->headers, testing::Contains(Pair("connection", "close")));
    peers.insert(seen->peer);
  }
  EXPECT_EQ(peers.size(), 3U);
}

TEST_F(HttpClientTest, one_host_is_asked_in_order_and_one_at_a_time) {
  start_api();
  for (int i = 0; i < 50; ++i) client_->start(request("POST", base_ + "/n/" + std::to_string(i)));
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(sink_.next<HttpReplied>());
    const auto seen = far_end_.next<ExchangeOpened>();
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->target, "/n/" + std::to_string(i));
  }
}

TEST_F(HttpClientTest, a_host_that_hangs_does_not_hold_up_another) {
  start_api();
  FarEnd other_end;
  const auto other = serve("broker", other_end);
  ASSERT_TRUE(other);
  auto hanging = request("GET", base_ + "/silent");
  hanging.timeout = 2s;
  client_->start(hanging);
  client_->start(request("GET", base_ + "/behind"));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_TRUE(reply_of(request("GET", "https://localhost:" + std::to_string(other->port()) + "/")));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
  EXPECT_FALSE(
      far_end_.next<ExchangeOpened>([](const auto& opened) { return opened.target == "/behind"; }, 100ms));
  EXPECT_TRUE(sink_.next<HttpFailed>());
  EXPECT_TRUE(sink_.next<HttpReplied>());
}

TEST_F(HttpClientTest, two_hundred_hosts_side_by_side) {
  // Every address of 127/8 is this machine, so one server on 0.0.0.0 stands for two hundred boards.
  HttpServerOptions options;
  options.address = "0.0.0.0";
  options.certificate_file = folder_.file("api.crt");
  options.key_file = folder_.file("api.key");
  options.limits.places.strangers_of_address = 200;  // they all come from one
  auto server = HttpServer::start(runtime_, options, far_end_);
  ASSERT_TRUE(server) << server.error().message;
  server_ = std::move(*server);
  far_end_.server = server_.get();
  const std::string key = key_of("api");
  for (int round = 0; round < 3; ++round) {
    for (int host = 1; host <= 200; ++host) {
      auto sent = request(
          "GET", "https://127.0.1." + std::to_string(host) + ":" + std::to_string(server_->port()) + "/");
      sent.trust = TlsTrust::pin;
      sent.pin_sha256 = key;
      client_->start(sent);
    }
  }
  for (int i = 0; i < 600; ++i) {
    const auto reply = sink_.next<HttpReplied>();
    ASSERT_TRUE(reply) << "after " << i << " replies";
    ASSERT_EQ(reply->peer_key_sha256, key);
  }
  // One source port may serve several destinations, so a connection is named by both ends.
  std::set<std::pair<std::string, std::string>> connections;
  while (const auto seen = far_end_.next<ExchangeOpened>([](const auto&) { return true; }, 0ms)) {
    for (const auto& [name, value] : seen->headers) {
      if (name == "host") connections.emplace(value, seen->peer);
    }
  }
  EXPECT_EQ(connections.size(), 200U) << "connections were to be kept per host";
}

TEST_F(HttpClientTest, is_destroyed_in_the_middle_of_everything) {
  start_api();
  for (int i = 0; i < 20; ++i) client_->start(request("GET", base_ + "/silent"));
  std::this_thread::sleep_for(50ms);
  const auto began = std::chrono::steady_clock::now();
  client_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
}

}  // namespace
}  // namespace metalmesh::adapters
