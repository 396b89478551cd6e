// What is asked arrives, and what is answered comes back.
#include <map>

#include "tests/contract/http_client/client_bench.h"

namespace metalmesh::adapters {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::Pair;

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

}  // namespace
}  // namespace metalmesh::adapters
