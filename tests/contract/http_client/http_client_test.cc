// The HTTP client against our own server, against openssl s_server, and against servers that misbehave by
// script.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <string>

#include "common/adapters/curl_client.h"
#include "common/adapters/http_server.h"
#include "tests/contract/http_client/scripted_server.h"
#include "tests/contract/support/collecting_sink.h"
#include "tests/contract/support/processes.h"
#include "tests/contract/support/test_pki.h"

namespace metalmesh::adapters {
namespace {

using contract::Child;
using contract::CollectingSink;
using contract::ScriptedServer;
using contract::shell;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
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
  std::unique_ptr<HttpServer> serve(const std::string& name, FarEnd& far_end, std::uint16_t port = 0) {
    HttpServerOptions options;
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

TEST_F(HttpClientTest, sends_method_headers_and_body_and_reads_the_reply) {
  start_api();
  auto sent = request("PATCH", base_ + "/redfish/v1?x=1");
  sent.headers = {{"If-Match", "\"abc\""}, {"X-Auth-Token", "t"}};
  sent.body = "{\"a\":1}";
  const auto reply = reply_of(sent);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, "PATCH /redfish/v1?x=1 {\"a\":1}");
  EXPECT_THAT(reply->headers, testing::Contains(Pair("x-mixed-case", "Kept As Is")));
  const auto seen = far_end_.next<ExchangeOpened>();
  ASSERT_TRUE(seen);
  EXPECT_THAT(seen->headers, testing::Contains(Pair("if-match", "\"abc\"")));
  EXPECT_THAT(seen->headers, testing::Contains(Pair("content-type", "application/json")));
  EXPECT_THAT(seen->headers, Not(testing::Contains(testing::Key("expect"))));
}

TEST_F(HttpClientTest, every_method_arrives_as_itself) {
  start_api();
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    const auto reply = reply_of(request(method, base_ + "/m"));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->body, std::string(method) + " /m ");
  }
  const auto head = reply_of(request("HEAD", base_ + "/m"));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->body, "");
}

TEST_F(HttpClientTest, reports_the_key_on_new_and_on_reused_connections) {
  start_api();
  for (int i = 0; i < 3; ++i) {
    const auto reply = reply_of(request("GET", base_ + "/"));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->peer_key_sha256, key_of("api"));
  }
  std::set<std::string> peers;
  while (const auto seen = far_end_.next<ExchangeOpened>([](const auto&) { return true; }, 0ms))
    peers.insert(seen->peer);
  EXPECT_EQ(peers.size(), 1U) << "one connection was to serve all three";
}

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

TEST_F(HttpClientTest, pin_accepts_the_key_alone_and_reports_another) {
  start_api();
  auto good = request("GET", "https://127.0.0.1:" + std::to_string(server_->port()) + "/");
  good.trust = TlsTrust::pin;
  good.pin_sha256 = key_of("api");
  EXPECT_TRUE(reply_of(good));
  auto bad = request("POST", base_ + "/must-not-arrive");
  bad.trust = TlsTrust::pin;
  bad.pin_sha256 = key_of("broker");
  const auto failed = failure_of(bad);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->failure, HttpFailure::key_changed);
  EXPECT_EQ(failed->detail, key_of("api"));
  EXPECT_FALSE(far_end_.next<ExchangeOpened>(
      [](const auto& opened) { return opened.target == "/must-not-arrive"; }, 100ms));
  // An empty pin matches nothing.
  bad.id = "empty";
  bad.pin_sha256.clear();
  const auto empty = failure_of(bad);
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->failure, HttpFailure::key_changed);
}

TEST_F(HttpClientTest, a_connection_is_not_shared_between_trusts) {
  start_api();
  const std::string url = "https://127.0.0.1:" + std::to_string(server_->port()) + "/";
  auto capture = request("GET", url);
  capture.trust = TlsTrust::capture;
  auto pinned = request("GET", url);
  pinned.trust = TlsTrust::pin;
  pinned.pin_sha256 = key_of("api");
  auto wrong = pinned;
  wrong.id = "wrong";
  wrong.pin_sha256 = key_of("broker");
  auto again = pinned;
  again.id = "again";
  const auto captured = reply_of(capture);
  ASSERT_TRUE(captured);
  EXPECT_EQ(captured->peer_key_sha256, key_of("api"));
  ASSERT_TRUE(reply_of(pinned));
  const auto failed = failure_of(wrong);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->failure, HttpFailure::key_changed);
  ASSERT_TRUE(reply_of(again));
  std::set<std::string> peers;
  while (const auto seen = far_end_.next<ExchangeOpened>([](const auto&) { return true; }, 0ms))
    peers.insert(seen->peer);
  EXPECT_EQ(peers.size(), 3U);
}

TEST_F(HttpClientTest, a_new_key_behind_the_same_address_is_noticed) {
  start_api();
  const std::uint16_t port = server_->port();
  auto pinned = request("GET", base_ + "/");
  pinned.trust = TlsTrust::pin;
  pinned.pin_sha256 = key_of("api");
  ASSERT_TRUE(reply_of(pinned));
  server_.reset();
  far_end_.server = nullptr;
  server_ = serve("broker", far_end_, port);
  ASSERT_TRUE(server_);
  pinned.id = "second";
  const auto failed = failure_of(pinned);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->failure, HttpFailure::key_changed);
  EXPECT_EQ(failed->detail, key_of("broker"));
  pinned.id = "third";
  pinned.pin_sha256 = key_of("broker");
  EXPECT_TRUE(reply_of(pinned));
}

TEST_F(HttpClientTest, ca_refuses_a_foreign_authority_and_a_wrong_name) {
  TemporaryFolder foreign;
  contract::make_pki(foreign.path());
  const auto port = contract::free_port();
  Child stranger({"openssl", "s_server", "-www", "-quiet", "-accept", std::to_string(port), "-cert",
                  foreign.file("api.crt"), "-key", foreign.file("api.key")});
  ASSERT_TRUE(contract::wait_for_port(port));
  const auto unknown = failure_of(request("GET", "https://localhost:" + std::to_string(port) + "/"));
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->failure, HttpFailure::tls_refused);

  ASSERT_EQ(shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj "
                  "/CN=other -addext "
                  "subjectAltName=DNS:other.example -keyout " +
                  folder_.file("other.key") + " -out " + folder_.file("other.crt"))
                .exit_code,
            0);
  const auto second_port = contract::free_port();
  Child other({"openssl", "s_server", "-www", "-quiet", "-accept", std::to_string(second_port), "-cert",
               folder_.file("other.crt"), "-key", folder_.file("other.key")});
  ASSERT_TRUE(contract::wait_for_port(second_port));
  CurlClientOptions options;
  options.ca_file = folder_.file("other.crt");
  client_ = std::make_unique<CurlClient>(options, credentials_, sink_);
  const auto misnamed = failure_of(request("GET", "https://localhost:" + std::to_string(second_port) + "/"));
  ASSERT_TRUE(misnamed);
  EXPECT_EQ(misnamed->failure, HttpFailure::tls_refused);
  EXPECT_THAT(misnamed->detail, HasSubstr("localhost"));
  // The key itself is fine, and s_server is somebody else's TLS.
  auto pinned = request("GET", "https://localhost:" + std::to_string(second_port) + "/");
  pinned.trust = TlsTrust::pin;
  pinned.pin_sha256 = key_of("other");
  const auto reply = reply_of(pinned);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->peer_key_sha256, key_of("other"));
}

TEST_F(HttpClientTest, tells_failures_apart) {
  start_api();
  auto late = request("GET", base_ + "/silent");
  late.timeout = 300ms;
  auto large = request("GET", base_ + "/big");
  large.reply_limit = 99'999;
  auto exact = request("GET", base_ + "/big");
  exact.reply_limit = 100'000;
  const auto refused = request("GET", "https://127.0.0.1:" + std::to_string(contract::free_port()) + "/");
  const auto nameless = request("GET", "https://no-such-host.invalid/");
  const auto malformed = request("GET", "nonsense");
  const auto plain = request("GET", "http://127.0.0.1:1/");
  auto split = request("GET", base_ + "/");
  split.headers = {{"X-Token", "a\r\nX-Evil: 1"}};
  const std::vector<std::pair<HttpRequest, HttpFailure>> table = {
      {late, HttpFailure::timed_out},    {large, HttpFailure::too_large},
      {refused, HttpFailure::refused},   {nameless, HttpFailure::name_unknown},
      {malformed, HttpFailure::refused}, {plain, HttpFailure::tls_refused},
      {split, HttpFailure::refused}};
  for (const auto& [sent, expected] : table) {
    const auto failed = failure_of(sent);
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->failure, expected) << sent.url << ": " << failed->detail;
    EXPECT_FALSE(failed->detail.empty());
  }
  const auto reply = reply_of(exact);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body.size(), 100'000U);
}

TEST_F(HttpClientTest, a_peer_that_accepts_and_never_shakes_hands_is_refused_not_unknown) {
  ScriptedServer mute([](const std::string&) { return std::string(); });
  const auto closed = failure_of(request("POST", "https://localhost:" + std::to_string(mute.port()) + "/"));
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->failure, HttpFailure::refused) << closed->detail;
}

TEST_F(HttpClientTest, plain_http_needs_to_be_allowed) {
  CurlClientOptions options;
  options.allow_plain_http = true;
  start_client(options);
  const auto port = contract::free_port();
  Child python({"python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", folder_.path().string(),
                std::to_string(port)});
  ASSERT_TRUE(contract::wait_for_port(port));
  const auto reply = reply_of(request("GET", "http://127.0.0.1:" + std::to_string(port) + "/ca.crt"));
  ASSERT_TRUE(reply);
  EXPECT_THAT(reply->body, HasSubstr("BEGIN CERTIFICATE"));
  EXPECT_EQ(reply->peer_key_sha256, "");
}

class Scripted : public HttpClientTest {
 protected:
  void SetUp() override {
    HttpClientTest::SetUp();
    CurlClientOptions options;
    options.allow_plain_http = true;
    start_client(options);
  }
  static std::string url(const ScriptedServer& server) {
    return "http://127.0.0.1:" + std::to_string(server.port()) + "/";
  }
};

TEST_F(Scripted, a_reply_cut_off_is_dropped) {
  ScriptedServer server([](const std::string& text) {
    return text.starts_with("GET") ? "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nhalf"
                                   : std::string();
  });
  // The script closes after what it sent only when it is asked again, so ask with a short timeout first.
  auto cut = request("POST", url(server));
  cut.body = "{}";
  const auto dropped = failure_of(cut);
  ASSERT_TRUE(dropped);
  EXPECT_EQ(dropped->failure, HttpFailure::dropped);
  auto half = request("GET", url(server));
  half.timeout = 300ms;
  const auto late = failure_of(half);
  ASSERT_TRUE(late);
  EXPECT_EQ(late->failure, HttpFailure::timed_out);
}

TEST_F(Scripted, a_post_is_never_sent_twice_by_itself) {
  // Each connection answers its first request and then dies on the second, after reading it.
  std::atomic<int> on_connection = 0;
  std::atomic<int> posts = 0;
  ScriptedServer server([&](const std::string& text) {
    if (text.starts_with("POST")) ++posts;
    return ++on_connection % 2 == 1 ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" : std::string();
  });
  ASSERT_TRUE(reply_of(request("GET", url(server))));
  auto reset = request("POST", url(server));
  reset.body = R"({"ResetType":"ForceRestart"})";
  const auto failed = failure_of(reset);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->failure, HttpFailure::dropped);
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(posts, 1);
  // A GET may be repeated, and is.
  ASSERT_TRUE(reply_of(request("GET", url(server))));
  EXPECT_TRUE(reply_of(request("GET", url(server))));
}

TEST_F(Scripted, header_floods_are_too_large) {
  ScriptedServer server([](const std::string&) {
    std::string text = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 3000; ++i)
      text += "X-Flood-" + std::to_string(i) + ": aaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
    return text + "Content-Length: 0\r\n\r\n";
  });
  const auto failed = failure_of(request("GET", url(server)));
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->failure, HttpFailure::too_large);
}

TEST_F(HttpClientTest, fills_in_credentials_escaped_and_only_once) {
  start_api();
  auto login = request("POST", base_ + "/login");
  login.credential = "rack";
  login.body = R"({"UserName":"@@METALMESH-USER@@","Password":"@@METALMESH-PASSWORD@@"})";
  const auto reply = reply_of(login);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body,
            R"(POST /login {"UserName":"ad\"min","Password":"p\\a\"s\u000as@@METALMESH-USER@@"})");
  login.id = "missing";
  login.credential = "nobody";
  const auto missing = failure_of(login);
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->failure, HttpFailure::no_credential);
  EXPECT_THAT(missing->detail, HasSubstr("nobody"));
  login.id = "unnamed";
  login.credential.reset();
  const auto unnamed = failure_of(login);
  ASSERT_TRUE(unnamed);
  EXPECT_EQ(unnamed->failure, HttpFailure::no_credential);
}

TEST_F(HttpClientTest, a_redirect_is_an_answer) {
  start_api();
  for (const auto& [path, status] :
       std::map<std::string, int>{{"/307", 307}, {"/303", 303}, {"/loop", 302}}) {
    for (const char* method : {"GET", "POST"}) {
      const auto reply = reply_of(request(method, base_ + path));
      ASSERT_TRUE(reply) << method << path;
      EXPECT_EQ(reply->status, status);
    }
  }
}

TEST_F(HttpClientTest, basic_puts_the_credential_into_a_header_and_nowhere_else) {
  start_api();
  auto basic = request("GET", base_ + "/who");
  basic.credential = "rack";
  basic.basic = true;
  const auto reply = reply_of(basic);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, "Basic YWQibWluOnBcYSJzCnNAQE1FVEFMTUVTSC1VU0VSQEA=");
}

TEST_F(HttpClientTest, ignores_the_proxy_of_the_environment) {
  start_api();
  setenv("https_proxy", "http://127.0.0.1:9", 1);
  setenv("HTTPS_PROXY", "http://127.0.0.1:9", 1);
  EXPECT_TRUE(reply_of(request("GET", base_ + "/")));
  unsetenv("https_proxy");
  unsetenv("HTTPS_PROXY");
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
