// Replies that go on: chunks, readers that leave or are too slow.
#include <string>

#include "tests/contract/http_server/http_server_fixture.h"

namespace metalmesh::adapters {
namespace {

using contract::RawSocket;
using contract::shell;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

TEST_F(HttpServerTest, streams_chunks_and_reports_when_they_have_left) {
  start();
  RawSocket socket(server_->port());
  const ExchangeId id = open_stream(socket);
  EXPECT_TRUE(sink_.next<ExchangeDrained>());
  server_->chunk({id, "data: 1\n\n", false});
  EXPECT_THAT(socket.read_until("data: 1\n\n"), HasSubstr("Transfer-Encoding: chunked"));
  EXPECT_TRUE(sink_.next<ExchangeDrained>([&](const auto& drained) { return drained.id == id; }));
  server_->chunk({id, "data: 2\n\n", true});
  EXPECT_THAT(socket.read_until("0\r\n\r\n"), HasSubstr("9\r\ndata: 2\n\n\r\n0\r\n\r\n"));
  // The connection is still good for the next request.
  ASSERT_TRUE(socket.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(socket.read_until("GET /a 0\n"), HasSubstr("200 OK"));
  EXPECT_EQ(sink_.count<ExchangeClosed>(), 0U);
}

TEST_F(HttpServerTest, curl_follows_a_stream_over_tls) {
  start({}, true);
  std::string output;
  std::thread client([&] { output = shell(curl_ + "-N " + base_ + "/stream").output; });
  const auto opened = sink_.next<ExchangeOpened>();
  if (opened) {
    server_->reply({opened->id, 200, {{"Content-Type", "text/event-stream"}}, "a", true});
    server_->chunk({opened->id, "b", false});
    server_->chunk({opened->id, "c", true});
  }
  client.join();
  EXPECT_TRUE(opened);
  EXPECT_EQ(output, "abc");
}

TEST_F(HttpServerTest, tells_when_the_reader_of_a_stream_goes_away) {
  start();
  RawSocket socket(server_->port());
  const ExchangeId id = open_stream(socket);
  ASSERT_THAT(socket.read_until("\r\n\r\n"), HasSubstr("200 OK"));
  socket.close();
  EXPECT_TRUE(sink_.next<ExchangeClosed>([&](const auto& closed) { return closed.id == id; }));
  server_->chunk({id, "nobody listens", false});
}

TEST_F(HttpServerTest, disconnects_a_reader_that_is_slower_than_the_stream) {
  HttpLimits limits;
  limits.stream_buffer = 64U << 10;
  start(limits);
  RawSocket socket(server_->port());
  const ExchangeId id = open_stream(socket);
  ASSERT_THAT(socket.read_until("\r\n\r\n"), HasSubstr("200 OK"));
  // The reader now sleeps. What the kernel does not take may fill the buffer, and no more than that.
  const std::string bytes(16U << 10, 'x');
  bool closed = false;
  for (int i = 0; i < 4000 && !closed; ++i) {
    server_->chunk({id, bytes, false});
    closed = sink_.next<ExchangeClosed>([&](const auto& gone) { return gone.id == id; }, 0ms).has_value();
  }
  EXPECT_TRUE(closed || sink_.next<ExchangeClosed>());
}

TEST_F(HttpServerTest, head_of_a_stream_has_no_body_and_ends_it_for_the_core) {
  start();
  RawSocket socket(server_->port());
  ASSERT_TRUE(socket.send("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n"));
  const auto opened = sink_.next<ExchangeOpened>();
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->method, "GET");
  server_->reply({opened->id, 200, {}, "first", true});
  EXPECT_TRUE(sink_.next<ExchangeClosed>());
  ASSERT_TRUE(socket.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(socket.read_until("GET /a 0\n"), Not(HasSubstr("first")));
}

}  // namespace
}  // namespace metalmesh::adapters
