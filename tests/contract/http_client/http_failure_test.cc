// Servers that misbehave: failures are told apart, and nothing is sent twice that may not be.
#include <atomic>
#include <thread>

#include "tests/contract/http_client/client_bench.h"
#include "tests/contract/http_client/scripted_server.h"
#include "tests/contract/support/few_descriptors.h"

namespace metalmesh::adapters {
namespace {

using contract::ScriptedServer;
using testing::HasSubstr;

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

TEST_F(HttpClientTest, without_a_descriptor_it_blames_nobody_else) {
  start_api();
  ASSERT_TRUE(reply_of(request("GET", base_ + "/warm")));
  auto other = request("GET", "https://127.0.0.1:" + std::to_string(server_->port()) + "/");
  std::optional<contract::FewDescriptors> none(std::in_place, 0);
  const auto failed = failure_of(other);
  none.reset();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->failure, HttpFailure::local) << failed->detail;
  EXPECT_THAT(failed->detail, HasSubstr("descriptors and all are in use"));
  other.id = "again";
  EXPECT_TRUE(reply_of(other));
}

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

}  // namespace
}  // namespace metalmesh::adapters
