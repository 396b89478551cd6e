// Whom the client believes: pins, authorities, plain HTTP, and that nothing is shared between them.
#include <set>

#include "common/ports/tls_words.h"
#include "tests/contract/http_client/client_bench.h"
#include "tests/contract/http_client/scripted_server.h"

namespace metalmesh::adapters {
namespace {

using contract::Child;
using contract::ScriptedServer;
using testing::HasSubstr;

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

TEST_F(HttpClientTest, a_name_that_leads_outside_of_the_networks_is_not_dialled) {
  start_api();
  const std::string url = "https://localhost:" + std::to_string(server_->port()) + "/";
  auto inside = request("GET", url);
  inside.within = {"10.0.0.0/8", "127.0.0.0/8", "::1/128"};
  EXPECT_TRUE(reply_of(inside));
  auto outside = request("GET", url);
  outside.id = "outside";
  outside.within = {"10.0.0.0/8", "fd00::/8"};
  for (const char* over : {"the connection that is kept", "a new one"}) {
    const auto failed = failure_of(outside);
    ASSERT_TRUE(failed) << over;
    EXPECT_EQ(failed->failure, HttpFailure::elsewhere) << over;
    EXPECT_THAT(failed->detail, testing::AnyOf(HasSubstr("127.0.0.1"), HasSubstr("::1"))) << over;
  }
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

TEST_F(HttpClientTest, a_peer_that_accepts_and_never_shakes_hands_is_refused_not_unknown) {
  for (const auto end : {ScriptedServer::End::closes, ScriptedServer::End::resets}) {
    ScriptedServer mute([](const std::string&) { return std::string(); }, end);
    const auto closed = failure_of(request("POST", "https://localhost:" + std::to_string(mute.port()) + "/"));
    ASSERT_TRUE(closed);
    EXPECT_EQ(closed->failure, HttpFailure::refused) << closed->detail;
  }
}

// Handles are used again, and an error number that one of them has seen stays in it.
TEST_F(HttpClientTest, old_tls_is_told_whatever_was_refused_before) {
  const auto nobody =
      failure_of(request("GET", "https://127.0.0.1:" + std::to_string(contract::free_port()) + "/"));
  ASSERT_TRUE(nobody);
  EXPECT_EQ(nobody->failure, HttpFailure::refused) << nobody->detail;
  const std::string alert_protocol_version("\x15\x03\x01\0\x02\x02\x46", 7);
  ScriptedServer old([&](const std::string&) { return alert_protocol_version; });
  const auto refused = failure_of(request("GET", "https://127.0.0.1:" + std::to_string(old.port()) + "/"));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->failure, HttpFailure::tls_refused) << refused->detail;
  EXPECT_THAT(refused->detail, HasSubstr(only_old_tls));
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

}  // namespace
}  // namespace metalmesh::adapters
