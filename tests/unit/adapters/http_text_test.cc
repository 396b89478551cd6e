// The pure parts around HTTP: reply heads, credential bodies, URLs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/adapters/credential_body.h"
#include "common/adapters/curl_url.h"
#include "common/adapters/http_reply_text.h"

namespace metalmesh::adapters {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ReplyHead, says_how_the_body_ends) {
  ReplyHead head;
  head.length = 5;
  EXPECT_EQ(reply_head(head, {{"ETag", "\"1\""}}),
            "HTTP/1.1 200 OK\r\nServer: metalmesh\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nETag: \"1\"\r\n"
            "Content-Length: 5\r\n\r\n");
  head.framing = BodyFraming::chunked;
  EXPECT_THAT(reply_head(head, {}), HasSubstr("Transfer-Encoding: chunked\r\n"));
  head.framing = BodyFraming::none;
  head.status = 204;
  head.keep_alive = false;
  EXPECT_THAT(reply_head(head, {}), Not(HasSubstr("Content-Length")));
  EXPECT_THAT(reply_head(head, {}), HasSubstr("Connection: close\r\n"));
}

TEST(ReplyHead, leaves_framing_to_the_server_and_lines_whole) {
  const std::string text = reply_head({}, {{"Transfer-Encoding", "x"}, {"X-A", "1\r\nX-B: 2"}});
  EXPECT_THAT(text, Not(HasSubstr("Transfer-Encoding")));
  EXPECT_THAT(text, HasSubstr("X-A: 1  X-B: 2\r\n"));
}

TEST(FramedChunk, never_makes_the_chunk_that_ends_a_body) {
  EXPECT_EQ(framed_chunk(""), "");
  EXPECT_EQ(framed_chunk(std::string(17, 'x')), "11\r\n" + std::string(17, 'x') + "\r\n");
}

TEST(ProblemReply, is_json_whatever_the_detail_holds) {
  const auto reply = problem_reply(7, 503, "a \"quoted\"\nline");
  EXPECT_EQ(reply.id, 7U);
  EXPECT_THAT(reply.body, HasSubstr(R"("detail":"a \"quoted\"\nline")"));
  EXPECT_THAT(reply.headers, testing::Contains(testing::Pair("Retry-After", "5")));
}

TEST(CredentialBody, replaces_every_placeholder_once) {
  const Secret filled =
      fill_credential("[\"@@METALMESH-PASSWORD@@\",\"@@METALMESH-USER@@\",\"@@METALMESH-PASSWORD@@\"]", "u",
                      Secret("@@METALMESH-USER@@"));
  EXPECT_EQ(filled.reveal(), R"(["@@METALMESH-USER@@","u","@@METALMESH-USER@@"])");
}

TEST(CredentialBody, escapes_what_json_must_not_hold) {
  const Secret filled = fill_credential("@@METALMESH-PASSWORD@@", "u", Secret("\"\\\x01\n\x1fä"));
  EXPECT_EQ(filled.reveal(), R"(\"\\\u0001\u000a\u001fä)");
}

TEST(CredentialBody, knows_whether_it_is_wanted) {
  EXPECT_TRUE(wants_credential("x@@METALMESH-USER@@"));
  EXPECT_TRUE(wants_credential("@@METALMESH-PASSWORD@@x"));
  EXPECT_FALSE(wants_credential("@@METALMESH-"));
}

TEST(OriginOf, names_the_queue_of_a_request) {
  const auto origin = origin_of("HTTPS://BMC-1.Example/redfish/v1");
  ASSERT_TRUE(origin);
  EXPECT_EQ(origin->str(), "https://bmc-1.example:443");
  const auto v6 = origin_of("https://[fe80::1]:8443/x");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->str(), "https://[fe80::1]:8443");
}

TEST(OriginOf, refuses_what_is_not_for_a_bmc) {
  for (const char* url :
       {"", "bmc", "/redfish", "ftp://bmc/", "file:///etc/passwd", "https://user@bmc/", "https://u:p@bmc/"}) {
    EXPECT_FALSE(origin_of(url)) << url;
  }
}

}  // namespace
}  // namespace metalmesh::adapters
