// The socket on this host, bodies of strangers, and places for what stops something.
#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/contract/http_server/http_server_fixture.h"

namespace metalmesh::adapters {
namespace {

using contract::RawSocket;
using contract::shell;
using testing::HasSubstr;
using testing::StartsWith;

/// Knows a token by its word, and that /stop stops.
class Gate final : public ExchangeGate {
 public:
  Verdict judge(const Head& head, MonoTime) override {
    const bool known = head.authorization == "Bearer right";
    Verdict verdict;
    if (known) verdict.caller = "ann";
    verdict.urgent = known && head.target.starts_with("/stop");
    return verdict;
  }
};

class HttpLocalTest : public HttpServerTest {
 protected:
  void start_with(HttpServerOptions options) {
    auto server = HttpServer::start(runtime_, options, sink_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    sink_.server = server_.get();
    base_ = "http://127.0.0.1:" + std::to_string(server_->port());
    curl_ = "curl -sS -m 20 --noproxy '*' ";
  }
  Gate gate_;
};

TEST_F(HttpLocalTest, AsksNobodyOnThisHostButSaysWhoItIs) {
  HttpServerOptions options;
  options.address.clear();
  options.socket = folder_.file("here.sock");
  options.gate = &gate_;
  start_with(options);
  EXPECT_EQ(server_->port(), 0);
  EXPECT_EQ(shell(curl_ + "--unix-socket " + options.socket.string() + " -d body http://x/a").output,
            "POST /a 4\n");
  const auto opened = sink_.next<ExchangeOpened>();
  ASSERT_TRUE(opened);
  EXPECT_THAT(opened->peer, StartsWith("unix:"));
  struct stat status{};
  ASSERT_EQ(::stat(options.socket.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  server_.reset();
  start_with(options);  // over the one that was left
  EXPECT_EQ(shell(curl_ + "--unix-socket " + options.socket.string() + " http://x/b").output, "GET /b 0\n");
}

TEST_F(HttpLocalTest, AStrangersBodyIsNotReadAndHerTokenGoesNoFurther) {
  HttpServerOptions options;
  options.gate = &gate_;
  start_with(options);
  RawSocket stranger(server_->port());
  ASSERT_TRUE(stranger.send(
      "POST /a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nContent-Length: 900000\r\n\r\nbegins"));
  EXPECT_THAT(stranger.read_until("POST /a 0\n"), HasSubstr("POST /a 0"));
  const auto opened = sink_.next<ExchangeOpened>();
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->body, "");
  for (const auto& [name, value] : opened->headers) EXPECT_NE(name, "authorization");
  const std::string whole =
      ask("POST /b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer right\r\nContent-Length: 4\r\nConnection: "
          "close\r\n\r\nbody");
  EXPECT_THAT(whole, HasSubstr("POST /b 4"));
}

TEST_F(HttpLocalTest, WhatStopsSomethingIsServedWhenAllPlacesAreTaken) {
  HttpServerOptions options;
  options.gate = &gate_;
  options.limits.places.ordinary = 2;
  options.limits.places.of_caller = 2;
  start_with(options);
  std::vector<std::unique_ptr<RawSocket>> busy;
  for (int i = 0; i < 2; ++i) {
    busy.push_back(std::make_unique<RawSocket>(server_->port()));
    ASSERT_TRUE(busy.back()->send("GET /silent HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer right\r\n\r\n"));
    ASSERT_TRUE(sink_.next<ExchangeOpened>());
  }
  const std::string close =
      " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer right\r\nConnection: close\r\n\r\n";
  EXPECT_THAT(ask("GET /a" + close), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(ask("GET /stop" + close), HasSubstr("GET /stop 0"));
}

}  // namespace
}  // namespace metalmesh::adapters
