// An HTTP server that echoes, and what asks it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "common/adapters/http_server.h"
#include "tests/contract/support/collecting_sink.h"
#include "tests/contract/support/processes.h"
#include "tests/contract/support/test_pki.h"

namespace metalmesh::adapters {

/// Echoes requests, except those whose path begins with /silent or /stream: the test answers them itself.
class EchoSink : public contract::CollectingSink {
 public:
  void deliver(Input input) override {
    if (const auto* opened = std::get_if<ExchangeOpened>(&input); opened != nullptr && server != nullptr) {
      const bool left_to_test =
          opened->target.starts_with("/silent") || opened->target.starts_with("/stream");
      if (!left_to_test) {
        ExchangeReply reply;
        reply.id = opened->id;
        reply.headers = {{"Content-Type", "text/plain"}};
        reply.body = opened->method + " " + opened->target + " " + std::to_string(opened->body.size()) + "\n";
        server.load()->reply(std::move(reply));
      }
    }
    contract::CollectingSink::deliver(std::move(input));
  }
  std::atomic<HttpServer*> server = nullptr;
};

class HttpServerTest : public testing::Test {
 protected:
  void start(HttpLimits limits = {}, bool tls = false) {
    HttpServerOptions options;
    options.limits = limits;
    if (tls) {
      contract::make_pki(folder_.path());
      options.certificate_file = folder_.file("api.crt");
      options.key_file = folder_.file("api.key");
    }
    auto server = HttpServer::start(runtime_, options, sink_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    sink_.server = server_.get();
    base_ = (tls ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(server_->port());
    curl_ =
        "curl -sS -m 20 --noproxy '*' " + (tls ? "--cacert " + folder_.file("ca.crt") + " " : std::string());
  }
  std::string ask(std::string_view bytes) {
    contract::RawSocket socket(server_->port());
    EXPECT_TRUE(socket.send(bytes));
    return socket.read_all();
  }
  ExchangeId open_stream(contract::RawSocket& socket, const std::string& path = "/stream") {
    EXPECT_TRUE(socket.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    const auto opened = sink_.next<ExchangeOpened>();
    if (!opened) return 0;
    ExchangeReply reply;
    reply.id = opened->id;
    reply.headers = {{"Content-Type", "text/event-stream"}};
    reply.stream = true;
    server_->reply(reply);
    return opened->id;
  }

  TemporaryFolder folder_;
  EchoSink sink_;
  AsioRuntime runtime_;
  std::unique_ptr<HttpServer> server_;
  std::string base_;
  std::string curl_;
};

}  // namespace metalmesh::adapters
