// The HTTP client on a table: our own server as the far end, keys of its own, replies one by one.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/adapters/curl_client.h"
#include "common/adapters/http_server.h"
#include "tests/contract/support/collecting_sink.h"
#include "tests/contract/support/processes.h"
#include "tests/contract/support/test_pki.h"

namespace metalmesh::adapters {

using contract::CollectingSink;
using contract::shell;
using namespace std::chrono_literals;

class OneCredential : public CredentialSource {
 public:
  [[nodiscard]] std::optional<std::pair<std::string, Secret>> lookup(const std::string& name) const override {
    if (name != "rack") return std::nullopt;
    return std::pair(std::string("ad\"min"), Secret("p\\a\"s\ns@@METALMESH-USER@@"));
  }
};

/// The far end: our own server with a few behaviours by path.
class FarEnd : public CollectingSink {
 public:
  void deliver(Input input) override {
    if (const auto* opened = std::get_if<ExchangeOpened>(&input)) answer(*opened);
    CollectingSink::deliver(std::move(input));
  }
  std::atomic<HttpServer*> server = nullptr;

 private:
  void answer(const ExchangeOpened& opened) {
    static const std::map<std::string, std::pair<int, std::string>> redirects = {
        {"/307", {307, "/landed"}},
        {"/303", {303, "/landed"}},
        {"/elsewhere", {302, "https://example.invalid/"}},
        {"/loop", {302, "/loop"}}};
    HttpServer* to = server.load();
    if (to == nullptr || opened.target == "/silent") return;
    ExchangeReply reply;
    reply.id = opened.id;
    reply.headers = {{"X-Mixed-Case", "Kept As Is"}};
    reply.body = opened.method + " " + opened.target + " " + opened.body;
    if (opened.target == "/who") {
      for (const auto& [name, value] : opened.headers)
        if (name == "authorization") reply.body = value;
    }
    if (opened.target == "/big") reply.body = std::string(100'000, 'b');
    if (const auto found = redirects.find(opened.target); found != redirects.end()) {
      reply.status = found->second.first;
      reply.headers = {{"Location", found->second.second}};
    }
    to->reply(std::move(reply));
  }
};

class HttpClientTest : public testing::Test {
 protected:
  void SetUp() override {
    contract::make_pki(folder_.path());
    start_client({});
  }
  void start_client(CurlClientOptions options) {
    client_.reset();
    options.ca_file = folder_.file("ca.crt");
    client_ = std::make_unique<CurlClient>(options, credentials_, sink_);
  }
  std::unique_ptr<HttpServer> serve(const std::string& name, FarEnd& far_end, std::uint16_t port = 0,
                                    const std::string& address = "127.0.0.1") {
    HttpServerOptions options;
    options.address = address;
    options.port = port;
    options.certificate_file = folder_.file(name + ".crt");
    options.key_file = folder_.file(name + ".key");
    auto server = HttpServer::start(runtime_, options, far_end);
    EXPECT_TRUE(server) << (server ? "" : server.error().message);
    if (!server) return nullptr;
    far_end.server = server->get();
    return std::move(*server);
  }
  void start_api() {
    server_ = serve("api", far_end_);
    base_ = "https://localhost:" + std::to_string(server_->port());
  }
  /// What openssl says the SPKI digest of a certificate is.
  std::string key_of(const std::string& name) {
    const auto result =
        shell("openssl x509 -in " + folder_.file(name + ".crt") +
              " -noout -pubkey | openssl pkey -pubin -outform der | sha256sum | cut -d' ' -f1");
    return result.output.substr(0, 64);
  }
  HttpRequest request(const std::string& method, const std::string& url) {
    HttpRequest out;
    out.id = "r" + std::to_string(++last_id_);
    out.method = method;
    out.url = url;
    out.trust = TlsTrust::ca;
    return out;
  }
  std::optional<HttpReplied> reply_of(const HttpRequest& request) {
    client_->start(request);
    auto replied = sink_.next<HttpReplied>([&](const auto& reply) { return reply.id == request.id; }, 5s);
    if (!replied) {
      const auto failed = sink_.next<HttpFailed>([](const auto&) { return true; }, 0ms);
      ADD_FAILURE() << "no reply: " << (failed ? failed->detail : "nothing came");
    }
    return replied;
  }
  std::optional<HttpFailed> failure_of(const HttpRequest& request) {
    client_->start(request);
    auto failed = sink_.next<HttpFailed>([&](const auto& failure) { return failure.id == request.id; }, 10s);
    EXPECT_TRUE(failed) << "it did not fail";
    return failed;
  }

  TemporaryFolder folder_;
  OneCredential credentials_;
  CollectingSink sink_;
  FarEnd far_end_;
  AsioRuntime runtime_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<CurlClient> client_;
  std::string base_;
  int last_id_ = 0;
};

}  // namespace metalmesh::adapters
