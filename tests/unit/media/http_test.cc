#include <gmock/gmock.h>

#include "agents/media/content_reply.h"
#include "agents/media/http_conditions.h"
#include "agents/media/http_range.h"
#include "agents/media/http_request_head.h"
#include "agents/media/mount_url.h"

namespace metalmesh::media {
namespace {

TEST(HttpRange, FollowsRfc9110) {
  const auto choose = [](const char* range) { return choose_range(range, std::nullopt, "\"e\"", 1000); };
  const std::vector<std::pair<const char*, RangeChoice>> cases = {
      {"bytes=0-0", ByteRange{0, 1}},
      {"bytes=0-499", ByteRange{0, 500}},
      {"bytes=500-", ByteRange{500, 500}},
      {"bytes=-200", ByteRange{800, 200}},
      {"bytes=-5000", ByteRange{0, 1000}},
      {"bytes=900-99999999999999999999999", ByteRange{900, 100}},
      {"bytes=999-999", ByteRange{999, 1}},
      {"bytes=1000-", Unsatisfiable{}},
      {"bytes=1000-1001", Unsatisfiable{}},
      {"bytes=-0", Unsatisfiable{}},
      {"bytes=0-9,10-19", ByteRange{0, 20}},
      {"bytes= 5-9 , 0-6", ByteRange{0, 10}},
      {"bytes=0-9,2000-", ByteRange{0, 10}},
      {"bytes=0-9,20-29", SeveralRanges{{0, 10}, {20, 10}}},
      {"bytes=-5,0-9,5-14", SeveralRanges{{995, 5}, {0, 15}}},
      {"bytes=20-29,0-9", SeveralRanges{{20, 10}, {0, 10}}},
      {"bytes=20-29,0-9,25-39,3000-", SeveralRanges{{20, 20}, {0, 10}}},
      {"Bytes=0-9", ByteRange{0, 10}},
      {"BYTES=-200", ByteRange{800, 200}},
      {"bytes", WholeContent{}},
      {"bytes=2000-,3000-", Unsatisfiable{}},
      {"bytes=9-5", WholeContent{}},
      {"bytes=abc", WholeContent{}},
      {"bytes=-", WholeContent{}},
      {"bytes=1-x", WholeContent{}},
      {"bytes=", WholeContent{}},
      {"lines=0-5", WholeContent{}},
      {"bytes=0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0", WholeContent{}},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(choose(text), expected) << text;
  EXPECT_EQ(choose_range(std::nullopt, std::nullopt, "\"e\"", 1000), RangeChoice(WholeContent{}));
}

TEST(HttpRange, HonoursIfRange) {
  const auto choose = [](const char* validator) {
    return choose_range("bytes=0-9", validator, "\"e\"", 1000);
  };
  EXPECT_EQ(choose("\"e\""), RangeChoice(ByteRange{0, 10}));
  EXPECT_EQ(choose("\"other\""), RangeChoice(WholeContent{}));
  EXPECT_EQ(choose("W/\"e\""), RangeChoice(WholeContent{}));
  EXPECT_EQ(choose("Wed, 01 Jan 2025 00:00:00 GMT"), RangeChoice(WholeContent{}));
}

TEST(HttpConditions, FollowRfc9110) {
  struct Case {
    Headers headers;
    Condition expected;
  };
  const std::vector<Case> cases = {
      {{}, Condition::met},
      {{{"if-match", "\"e\""}}, Condition::met},
      {{{"if-match", "*"}}, Condition::met},
      {{{"if-match", "\"a\", \"e\""}}, Condition::met},
      {{{"if-match", "\"a\""}, {"if-match", "\"e\""}}, Condition::met},
      {{{"if-match", "\"other\""}}, Condition::failed},
      {{{"if-match", "W/\"e\""}}, Condition::failed},
      {{{"if-match", ""}}, Condition::failed},
      {{{"if-none-match", "\"other\""}}, Condition::met},
      {{{"if-none-match", "\"a\" ,\"e\""}}, Condition::not_modified},
      {{{"if-none-match", "W/\"e\""}}, Condition::not_modified},
      {{{"if-none-match", "*"}}, Condition::not_modified},
      {{{"if-match", "\"other\""}, {"if-none-match", "\"e\""}}, Condition::failed},
      {{{"if-unmodified-since", "Wed, 01 Jan 2025 00:00:00 GMT"}}, Condition::met},  // we know no dates
  };
  for (const auto& [headers, expected] : cases)
    EXPECT_EQ(check_conditions(headers, "\"e\""), expected) << testing::PrintToString(headers);
}

TEST(ContentReply, PreconditionsComeBeforeRanges) {
  const ServedContent content{1000, "\"e\"", "/file",
                              [](const ByteRange& range) { return std::vector<Segment>{range}; }};
  MediaRequest request{.conn = 1, .method = "GET", .path = "/", .headers = {{"range", "bytes=0-9"}}};
  EXPECT_FALSE(precondition_reply(request, content).has_value());
  request.headers.emplace_back("if-match", "\"other\"");
  EXPECT_EQ(precondition_reply(request, content)->status, 412);
  request.headers = {{"if-none-match", "\"e\""}};
  const auto same = precondition_reply(request, content);
  EXPECT_EQ(same->status, 304);
  EXPECT_EQ(same->headers, (Headers{{"ETag", "\"e\""}}));
  EXPECT_TRUE(same->text.empty() && same->segments.empty());
}

TEST(ContentReply, TwoRangeFieldsAreNone) {
  const ServedContent content{1000, "\"e\"", "/file",
                              [](const ByteRange& range) { return std::vector<Segment>{range}; }};
  MediaRequest request{.conn = 1, .method = "GET", .path = "/", .headers = {{"range", "bytes=0-9"}}};
  EXPECT_EQ(choice_of(request, content), RangeChoice(ByteRange{0, 10}));
  request.headers.emplace_back("range", "bytes=20-29");
  EXPECT_EQ(choice_of(request, content), RangeChoice(WholeContent{}));
}

TEST(HttpRequestHead, ParsesWhatBmcsSend) {
  const std::string text = "GET /m/abc.iso HTTP/1.1\r\nHost: x\r\nRANGE:  bytes=0-1 \r\n\r\nnext";
  const auto head = parse_request_head(text);
  ASSERT_TRUE(head && *head);
  EXPECT_EQ((*head)->method, "GET");
  EXPECT_EQ((*head)->path, "/m/abc.iso");
  EXPECT_EQ((*head)->header("range"), "bytes=0-1");
  EXPECT_TRUE((*head)->keep_alive);
  EXPECT_EQ((*head)->size, text.size() - 4);
  const auto sloppy =
      parse_request_head("\r\nHEAD http://agent:80/m/a.iso HTTP/1.0\nConnection: Keep-Alive\n\n");
  ASSERT_TRUE(sloppy && *sloppy);
  EXPECT_EQ((*sloppy)->path, "/m/a.iso");
  EXPECT_TRUE((*sloppy)->keep_alive);
}

TEST(HttpRequestHead, WaitsForTheRestByteByByte) {
  const std::string text = "POST /c/t HTTP/1.1\r\nContent-Length: 3\r\n\r\n";
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto head = parse_request_head(std::string_view(text).substr(0, size));
    ASSERT_TRUE(head.has_value()) << size;
    EXPECT_FALSE(head->has_value()) << size;
  }
  EXPECT_EQ((*parse_request_head(text))->content_length, 3U);
}

TEST(HttpRequestHead, RefusesWhatIsMalformed) {
  const std::vector<std::pair<std::string, ErrorKind>> cases = {
      {"GET\r\n\r\n", ErrorKind::invalid},
      {"GET / HTTP/2.0\r\n\r\n", ErrorKind::unsupported},
      {"GET a HTTP/1.1\r\n\r\n", ErrorKind::invalid},
      {"G\1T / HTTP/1.1\r\n\r\n", ErrorKind::invalid},
      {"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", ErrorKind::invalid},
      {"GET / HTTP/1.1\r\nno colon\r\n\r\n", ErrorKind::invalid},
      {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", ErrorKind::invalid},
      {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", ErrorKind::invalid},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", ErrorKind::unsupported},
      {"GET / HTTP/1.1\r\nA: " + std::string(9000, 'x'), ErrorKind::exhausted},
  };
  for (const auto& [text, kind] : cases) {
    const auto head = parse_request_head(text);
    ASSERT_FALSE(head.has_value()) << text;
    EXPECT_EQ(head.error().kind, kind) << text;
  }
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 65; ++i) many += "A: b\r\n";
  EXPECT_EQ(parse_request_head(many + "\r\n").error().kind, ErrorKind::exhausted);
}

TEST(MountUrl, RoundTrips) {
  EXPECT_EQ(mount_url("10.0.0.1:8443", "tok_1-A"), "https://10.0.0.1:8443/m/tok_1-A.iso");
  EXPECT_EQ(callback_url("h", "t", false), "http://h/c/t");
  EXPECT_EQ(mount_path("abc", MediumKind::disk), "/m/abc.img");
  EXPECT_EQ(parse_media_target("/m/abc.img"), parse_media_target("/m/abc.iso"));
  EXPECT_EQ(parse_media_target(mount_path("abc")), (MediaTarget{MediaTarget::Kind::mount, "abc"}));
  EXPECT_EQ(parse_media_target(callback_path("abc")), (MediaTarget{MediaTarget::Kind::callback, "abc"}));
  for (const char* path :
       {"/", "/m/.iso", "/m/iso", "/m/a", "/m/../a.iso", "/m/a/b.iso", "/c/", "/c/a b", "/m/a%2Fb.iso",
        "/m%2Fa.iso", "/m/a%4.iso", "/m/a%4", "/m/a%zz.iso", "/x/a.iso", "/x?/m/a.iso", "/m/a%2541.iso"}) {
    EXPECT_EQ(parse_media_target(path), std::nullopt) << path;
  }
}

TEST(MountUrl, AQueryAndIdleEscapesChangeNothing) {
  const auto medium = parse_media_target("/m/tok-1.iso");
  ASSERT_TRUE(medium.has_value());
  for (const char* path : {"/m/tok-1.iso?x=1", "/m/tok-1.iso?", "/m/tok%2D1%2eiso", "/%6d/%74ok-1.iso?/../"})
    EXPECT_EQ(parse_media_target(path), medium) << path;
  EXPECT_EQ(parse_media_target("/c/call?by=me"), parse_media_target("/c/call"));
  const auto file = parse_media_target("/p/%74ok/dists/a%2541%20b?x");
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->token, "tok");
  EXPECT_EQ(file->path, "/dists/a%2541%20b") << "decoded once, by whoever looks the file up";
}

}  // namespace
}  // namespace metalmesh::media
