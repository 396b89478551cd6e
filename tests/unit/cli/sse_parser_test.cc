#include "controller/cli/sse_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>

namespace metalmesh::cli {
namespace {

constexpr std::string_view stream =
    "retry: 2000\n: metalmesh events\n\n"
    "id: 7\nevent: stage\ndata: {\"id\":\"7\"}\n\n"
    ": alive\n\n"
    "event: progress\r\ndata: {\"percent\":38}\r\n\r\n"
    "data: two\ndata:lines\n\n";

const std::vector<SseMessage> messages = {
    {"7", "stage", "{\"id\":\"7\"}"}, {"", "progress", "{\"percent\":38}"}, {"", "message", "two\nlines"}};

TEST(SseParser, reads_a_stream_however_it_is_cut) {
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    SseParser parser;
    std::vector<SseMessage> heard;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      for (auto& message : parser.feed(stream.substr(at, piece))) heard.push_back(std::move(message));
    }
    ASSERT_EQ(heard, messages) << piece;
  }
}

TEST(SseParser, gives_out_only_whole_messages) {
  SseParser parser;
  EXPECT_TRUE(parser.feed("id: 1\ndata: x\n").empty());
  EXPECT_EQ(parser.feed("\n").size(), 1U);
  EXPECT_EQ(parser.last_id(), "1");
  EXPECT_TRUE(parser.feed("id: 2\nevent: stage\n\n").empty()) << "no data, no message";
  EXPECT_EQ(parser.last_id(), "2") << "but a place to go on from";
}

TEST(SseParser, survives_a_line_that_never_ends) {
  SseParser parser;
  const std::string flood(1 << 20, 'x');
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(parser.feed(flood).empty());
  EXPECT_TRUE(parser.feed("\n\n").empty());
  EXPECT_EQ(parser.feed("data: again\n\n").size(), 1U);
}

}  // namespace
}  // namespace metalmesh::cli
