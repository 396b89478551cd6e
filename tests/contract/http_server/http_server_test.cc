// The HTTP server, seen by clients that are not ours: curl and raw sockets.
#include "common/adapters/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/contract/support/collecting_sink.h"
#include "tests/contract/support/few_descriptors.h"
#include "tests/contract/support/processes.h"
#include "tests/contract/support/test_pki.h"

namespace metalmesh::adapters {
namespace {

using contract::CollectingSink;
using contract::RawSocket;
using contract::shell;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

/// Echoes requests, except those whose path begins with /silent or /stream: the test answers them itself.
class EchoSink : public CollectingSink {
 public:
  void deliver(Input input) override {
    if (const auto* opened = std::get_if<ExchangeOpened>(&input); opened != nullptr && server != nullptr) {
      const bool left_to_test =
          opened->target.starts_with("/silent") || opened->target.starts_with("/stream");
      if (!left_to_test) {
        ExchangeReply reply;
        reply.id = opened->id;
        reply.headers = {{"Content-Type", "text/plain"}};
        reply.body = opened->method + " " + opened->target + " " + std::to_string(opened->body.size()) + "\n";
        server.load()->reply(std::move(reply));
      }
    }
    CollectingSink::deliver(std::move(input));
  }
  std::atomic<HttpServer*> server = nullptr;
};

class HttpServerTest : public testing::Test {
 protected:
  void start(HttpLimits limits = {}, bool tls = false) {
    HttpServerOptions options;
    options.limits = limits;
    if (tls) {
      contract::make_pki(folder_.path());
      options.certificate_file = folder_.file("api.crt");
      options.key_file = folder_.file("api.key");
    }
    auto server = HttpServer::start(runtime_, options, sink_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    sink_.server = server_.get();
    base_ = (tls ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(server_->port());
    curl_ =
        "curl -sS -m 20 --noproxy '*' " + (tls ? "--cacert " + folder_.file("ca.crt") + " " : std::string());
  }
  std::string ask(std::string_view bytes) {
    RawSocket socket(server_->port());
    EXPECT_TRUE(socket.send(bytes));
    return socket.read_all();
  }
  ExchangeId open_stream(RawSocket& socket, const std::string& path = "/stream") {
    EXPECT_TRUE(socket.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    const auto opened = sink_.next<ExchangeOpened>();
    if (!opened) return 0;
    ExchangeReply reply;
    reply.id = opened->id;
    reply.headers = {{"Content-Type", "text/event-stream"}};
    reply.stream = true;
    server_->reply(reply);
    return opened->id;
  }

  TemporaryFolder folder_;
  EchoSink sink_;
  AsioRuntime runtime_;
  std::unique_ptr<HttpServer> server_;
  std::string base_;
  std::string curl_;
};

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

TEST_F(HttpServerTest, slow_requests_get_408_and_silent_clients_are_closed) {
  HttpLimits limits;
  limits.header = 300ms;
  limits.body = 300ms;
  start(limits);
  RawSocket header(server_->port());
  RawSocket body(server_->port());
  RawSocket silent(server_->port());
  ASSERT_TRUE(header.send("GET / HTTP/1.1\r\nHo"));
  ASSERT_TRUE(body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab"));
  EXPECT_THAT(header.read_all(), StartsWith("HTTP/1.1 408"));
  EXPECT_THAT(body.read_all(), StartsWith("HTTP/1.1 408"));
  EXPECT_EQ(silent.read_all(), "");
  EXPECT_TRUE(silent.closed());
}

TEST_F(HttpServerTest, says_503_when_the_core_does_not_answer) {
  HttpLimits limits;
  limits.reply = 200ms;
  start(limits);
  const std::string text = ask("GET /silent HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(text, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(text, HasSubstr("Retry-After:"));
  const auto opened = sink_.next<ExchangeOpened>();
  ASSERT_TRUE(opened);
  EXPECT_TRUE(sink_.next<ExchangeClosed>([&](const auto& closed) { return closed.id == opened->id; }));
  server_->reply({opened->id, 200, {}, "too late", false});  // ignored
  EXPECT_EQ(shell(curl_ + base_ + "/still").output, "GET /still 0\n");
}

TEST_F(HttpServerTest, says_503_when_every_connection_is_busy) {
  HttpLimits limits;
  limits.connections = 2;
  start(limits);
  RawSocket first(server_->port());
  RawSocket second(server_->port());
  std::vector<ExchangeId> busy;
  for (RawSocket* socket : {&first, &second}) {
    ASSERT_TRUE(socket->send("GET /silent HTTP/1.1\r\nHost: x\r\n\r\n"));
    const auto opened = sink_.next<ExchangeOpened>();
    ASSERT_TRUE(opened);
    busy.push_back(opened->id);
  }
  const std::string text = ask("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(text, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(text, HasSubstr("Retry-After: "));
  for (const ExchangeId id : busy) server_->reply({id, 200, {}, "done", false});
  EXPECT_THAT(first.read_until("done"), HasSubstr("done"));
  EXPECT_EQ(shell(curl_ + base_ + "/again").output, "GET /again 0\n");
}

TEST_F(HttpServerTest, who_asks_nothing_for_the_longest_makes_room) {
  HttpLimits limits;
  limits.connections = 8;
  start(limits);
  RawSocket busy(server_->port());
  ASSERT_TRUE(busy.send("GET /silent HTTP/1.1\r\nHost: x\r\n\r\n"));
  const auto opened = sink_.next<ExchangeOpened>();
  ASSERT_TRUE(opened);
  std::vector<std::unique_ptr<RawSocket>> idle;
  for (int i = 0; i < 40; ++i) {
    idle.push_back(std::make_unique<RawSocket>(server_->port()));
    if (i % 2 == 0) ASSERT_TRUE(idle.back()->send("GET /never-ends HTTP/1.1\r\nHost"));
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(shell(curl_ + base_ + "/a").output, "GET /a 0\n");
  server_->reply({opened->id, 200, {}, "done", false});
  EXPECT_THAT(busy.read_until("done"), HasSubstr("done")) << "work goes on beside them";
}

TEST_F(HttpServerTest, streams_leave_room_for_others) {
  HttpLimits limits;
  limits.connections = 8;
  start(limits);
  std::vector<std::unique_ptr<RawSocket>> streams;
  for (int i = 0; i < 6; ++i) {
    streams.push_back(std::make_unique<RawSocket>(server_->port()));
    ASSERT_NE(open_stream(*streams.back()), 0U);
    EXPECT_THAT(streams.back()->read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  }
  RawSocket seventh(server_->port());
  const ExchangeId refused = open_stream(seventh);
  EXPECT_THAT(seventh.read_all(), StartsWith("HTTP/1.1 503"));
  EXPECT_TRUE(sink_.next<ExchangeClosed>([&](const auto& closed) { return closed.id == refused; }, 5s));
  EXPECT_EQ(shell(curl_ + base_ + "/a").output, "GET /a 0\n");
}

TEST_F(HttpServerTest, says_that_descriptors_have_run_out_and_frees_one) {
  class Log final : public LogSink {
   public:
    void write(const LogLine& line) override {
      told = line.message;
      ++lines;
    }
    std::string told;
    std::atomic<int> lines = 0;
  } log;
  HttpServerOptions options;
  options.log = &log;
  auto server = HttpServer::start(runtime_, options, sink_);
  ASSERT_TRUE(server);
  server_ = std::move(*server);
  sink_.server = server_.get();
  const std::string request = "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  std::vector<std::unique_ptr<RawSocket>> clients;
  for (int i = 0; i < 12; ++i) clients.push_back(std::make_unique<RawSocket>());
  {
    const contract::FewDescriptors few(4);
    for (const auto& client : clients) ASSERT_TRUE(client->connect(server_->port()));
    ASSERT_TRUE(clients.back()->send(request));
    EXPECT_THAT(clients.back()->read_all(), HasSubstr("GET /a 0")) << "idle ones before it made room";
  }
  EXPECT_EQ(log.lines, 1);
  EXPECT_THAT(log.told, HasSubstr("descriptors and all are in use"));
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

TEST_F(HttpServerTest, stops_gently) {
  start();
  RawSocket running(server_->port());
  RawSocket streaming(server_->port());
  RawSocket idle(server_->port());
  ASSERT_TRUE(idle.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_THAT(idle.read_until("GET /a 0\n"), HasSubstr("200 OK"));
  ASSERT_TRUE(sink_.next<ExchangeOpened>());
  const ExchangeId stream = open_stream(streaming);
  ASSERT_TRUE(running.send("GET /silent HTTP/1.1\r\nHost: x\r\n\r\n"));
  const auto opened = sink_.next<ExchangeOpened>();
  ASSERT_TRUE(opened);
  std::thread stopper([&] { server_->stop(5s); });
  EXPECT_TRUE(sink_.next<ExchangeClosed>([&](const auto& closed) { return closed.id == stream; }));
  EXPECT_THAT(streaming.read_all(), HasSubstr("0\r\n\r\n"));
  streaming.close();
  idle.close();
  server_->reply({opened->id, 200, {}, "finished", false});
  EXPECT_THAT(running.read_all(), HasSubstr("finished"));
  running.close();
  stopper.join();
  EXPECT_FALSE(RawSocket(server_->port()).connected());
}

TEST_F(HttpServerTest, stops_at_once_when_it_must) {
  start();
  RawSocket socket(server_->port());
  ASSERT_TRUE(socket.send("GET /silent HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_TRUE(sink_.next<ExchangeOpened>());
  const auto began = std::chrono::steady_clock::now();
  server_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
  socket.read_all();
  EXPECT_TRUE(socket.closed());
}

TEST_F(HttpServerTest, survives_many_clients_at_once) {
  start({}, true);
  const auto result =
      shell(curl_ + "-Z --parallel-max 50 '" + base_ + "/many/[1-300]' 2>/dev/null | grep -c 'GET /many'");
  EXPECT_EQ(result.output, "300\n");
}

}  // namespace
}  // namespace metalmesh::adapters
