// What the HTTP server takes for a request, seen by clients that are not ours: curl and raw sockets.
#include <fstream>
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

TEST_F(HttpServerTest, delivers_a_complete_request_with_lower_case_headers) {
  start();
  const auto result = shell(curl_ + "-X PATCH -H 'X-Thing: A b' --data 'hello' '" + base_ + "/a?b=c%20d'");
  EXPECT_EQ(result.output, "PATCH /a?b=c%20d 5\n");
  const auto opened = sink_.next<ExchangeOpened>();
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->body, "hello");
  EXPECT_THAT(opened->headers, testing::Contains(testing::Pair("x-thing", "A b")));
  EXPECT_THAT(opened->peer, StartsWith("127.0.0.1:"));
}

TEST_F(HttpServerTest, keeps_a_connection_alive_over_tls) {
  start({}, true);
  const auto result = shell(curl_ + "-v " + base_ + "/1 " + base_ + "/2 " + base_ + "/3");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("GET /3 0"));
  EXPECT_THAT(result.output, HasSubstr("Re-using existing connection"));
}

TEST_F(HttpServerTest, refuses_old_tls_and_strangers) {
  start({}, true);
  EXPECT_NE(shell(curl_ + "--tls-max 1.1 " + base_ + "/").exit_code, 0);
  EXPECT_EQ(shell("curl -sS -m 20 " + base_ + "/").exit_code, 60);
  // Plain HTTP to the TLS port gets nothing, and the server goes on.
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), Not(HasSubstr("200")));
  EXPECT_EQ(shell(curl_ + base_ + "/still").output, "GET /still 0\n");
}

TEST_F(HttpServerTest, plain_http_is_for_loopback_only) {
  HttpServerOptions options;
  options.address = "0.0.0.0";
  const auto server = HttpServer::start(runtime_, options, sink_);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().kind, ErrorKind::invalid);
}

TEST_F(HttpServerTest, reports_a_port_in_use_and_a_missing_certificate) {
  start();
  HttpServerOptions options;
  options.port = server_->port();
  const auto second = HttpServer::start(runtime_, options, sink_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::unavailable);
  options.certificate_file = options.key_file = "/nonexistent.pem";
  const auto third = HttpServer::start(runtime_, options, sink_);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().kind, ErrorKind::invalid);
}

TEST_F(HttpServerTest, answers_pipelined_requests_in_order) {
  start();
  const std::string text =
      ask("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
          "GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto first = text.find("GET /1 0\n");
  const auto second = text.find("POST /2 3\n");
  const auto third = text.find("GET /3 0\n");
  EXPECT_TRUE(first < second && second < third && third != std::string::npos) << text;
}

TEST_F(HttpServerTest, answers_head_without_a_body) {
  start();
  const auto result = shell(curl_ + "-I " + base_ + "/a");
  EXPECT_THAT(result.output, HasSubstr("HTTP/1.1 200 OK"));
  EXPECT_THAT(result.output, HasSubstr("Content-Length: 9"));
  EXPECT_THAT(result.output, Not(HasSubstr("GET /a 0")));
}

TEST_F(HttpServerTest, answers_http_1_0_and_closes) {
  start();
  const std::string text = ask("GET /a HTTP/1.0\r\n\r\n");
  EXPECT_THAT(text, HasSubstr("GET /a 0"));
  EXPECT_THAT(text, HasSubstr("Connection: close"));
}

// Python's client takes an end without close_notify for a break if it is told to, and reads until the end.
TEST_F(HttpServerTest, who_asks_for_an_end_is_told_goodbye) {
  start({}, true);
  const std::string script = folder_.file("ask.py");
  std::ofstream(script)
      << "import socket, ssl, sys\n"
         "context = ssl.create_default_context(cafile=sys.argv[1])\n"
         "for _ in range(20):\n"
         "    plain = socket.create_connection(('127.0.0.1', int(sys.argv[2])), timeout=10)\n"
         "    with context.wrap_socket(plain, server_hostname='localhost', "
         "suppress_ragged_eofs=False) as c:\n"
         "        c.sendall(b'GET /a HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')\n"
         "        text = b''.join(iter(lambda: c.recv(4096), b''))\n"
         "        assert b'Connection: close' in text and text.endswith(b'GET /a 0\\n'), text\n";
  const auto result =
      shell("python3 " + script + " " + folder_.file("ca.crt") + " " + std::to_string(server_->port()));
  EXPECT_EQ(result.exit_code, 0) << result.output;
}

class TooLong : public HttpServerTest, public testing::WithParamInterface<bool> {};

TEST_P(TooLong, refuses_ten_megabytes_with_413_that_arrives) {
  start({}, GetParam());
  const std::string file = folder_.file("big");
  std::ofstream(file) << std::string(10U << 20, 'x');
  for (const char* how :
       {"-H 'Expect:' ", "-H 'Expect: 100-continue' ", "-H 'Expect:' -H 'Transfer-Encoding: chunked' "}) {
    const auto result =
        shell(curl_ + how + "-w '%{http_code} %{content_type}' --data-binary @" + file + " " + base_ + "/a");
    EXPECT_EQ(result.exit_code, 0) << how << result.output;
    EXPECT_THAT(result.output, HasSubstr("413 application/problem+json")) << how;
    EXPECT_THAT(result.output, HasSubstr("\"status\":413")) << how;
  }
  EXPECT_EQ(sink_.count<ExchangeOpened>(), 0U);
  EXPECT_EQ(shell(curl_ + base_ + "/still").output, "GET /still 0\n");
}
INSTANTIATE_TEST_SUITE_P(PlainAndTls, TooLong, testing::Bool());

TEST_F(HttpServerTest, reads_a_body_from_a_client_that_sends_without_listening) {
  start();
  RawSocket socket(server_->port());
  ASSERT_TRUE(socket.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\n\r\n"));
  ASSERT_TRUE(socket.send(std::string(10U << 20, 'x')));
  EXPECT_THAT(socket.read_all(), StartsWith("HTTP/1.1 413"));
}

TEST_F(HttpServerTest, accepts_a_body_of_exactly_the_limit_and_100_continue) {
  start();
  const std::string file = folder_.file("body");
  std::ofstream(file) << std::string(1U << 20, 'x');
  const auto result =
      shell(curl_ + "-v -H 'Expect: 100-continue' --data-binary @" + file + " " + base_ + "/a");
  EXPECT_THAT(result.output, HasSubstr("HTTP/1.1 100 Continue"));
  EXPECT_THAT(result.output, HasSubstr("POST /a 1048576"));
  const auto chunked = shell(curl_ + "-H 'Expect:' -H 'Transfer-Encoding: chunked' --data-binary @" + file +
                             " " + base_ + "/a");
  EXPECT_EQ(chunked.output, "POST /a 1048576\n");
}

TEST_F(HttpServerTest, refuses_long_headers_with_431) {
  start();
  const std::string text =
      ask("GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(20'000, 'y') + "\r\n\r\n");
  EXPECT_THAT(text, StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(text, HasSubstr("application/problem+json"));
}

TEST_F(HttpServerTest, refuses_malformed_requests_and_goes_on) {
  start();
  const std::vector<std::string> malformed = {
      "GARBAGE\r\n\r\n",
      "GET\r\n\r\n",
      "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
      "GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;" + std::string(60'000, 'e'),
      std::string("GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", 36),
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + "\r\n\r\n",
  };
  for (const std::string& request : malformed) {
    const std::string text = ask(request);
    EXPECT_THAT(text, StartsWith("HTTP/1.1 4")) << request.substr(0, 80);
    EXPECT_THAT(text, HasSubstr("Content-Type: application/problem+json\r\n")) << request.substr(0, 80);
    EXPECT_THAT(text, HasSubstr("Connection: close\r\n")) << request.substr(0, 80);
  }
  EXPECT_EQ(sink_.count<ExchangeOpened>(), 0U);
  EXPECT_EQ(shell(curl_ + base_ + "/still").output, "GET /still 0\n");
}

TEST_F(HttpServerTest, a_request_cut_off_in_the_middle_is_not_delivered) {
  start();
  {
    RawSocket socket(server_->port());
    ASSERT_TRUE(socket.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"));
    socket.end_sending();
    socket.read_all();
    EXPECT_TRUE(socket.closed());
  }
  EXPECT_EQ(sink_.count<ExchangeOpened>(), 0U);
}

TEST_F(HttpServerTest, a_client_that_only_stops_sending_still_gets_its_reply) {
  start();
  RawSocket socket(server_->port());
  ASSERT_TRUE(socket.send("GET /silent HTTP/1.1\r\nHost: x\r\n\r\n"));
  socket.end_sending();
  const auto opened = sink_.next<ExchangeOpened>();
  ASSERT_TRUE(opened);
  std::this_thread::sleep_for(50ms);
  server_->reply({opened->id, 202, {}, "later", false});
  EXPECT_THAT(socket.read_all(), HasSubstr("later"));
}

TEST_F(HttpServerTest, a_reply_cannot_smuggle_header_lines) {
  start();
  RawSocket socket(server_->port());
  ASSERT_TRUE(socket.send("GET /silent HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  const auto opened = sink_.next<ExchangeOpened>();
  ASSERT_TRUE(opened);
  server_->reply({opened->id, 200, {{"ETag", "a\r\nX-Evil: 1"}, {"content-length", "7"}}, "four", false});
  const std::string text = socket.read_all();
  EXPECT_THAT(text, HasSubstr("ETag: a  X-Evil: 1\r\n"));
  EXPECT_THAT(text, HasSubstr("Content-Length: 4\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("content-length: 7")));
}

}  // namespace
}  // namespace metalmesh::adapters
