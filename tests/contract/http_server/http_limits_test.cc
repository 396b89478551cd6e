// Clients that are slow, silent or many, descriptors that run out, and how the HTTP server stops.
#include <memory>
#include <string>
#include <vector>

#include "tests/contract/http_server/http_server_fixture.h"
#include "tests/contract/support/few_descriptors.h"

namespace metalmesh::adapters {
namespace {

using contract::RawSocket;
using contract::shell;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

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
  limits.places.ordinary = 2;
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
  limits.places.ordinary = 8;
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

TEST_F(HttpServerTest, who_was_answered_and_stays_makes_room_first) {
  HttpLimits limits;
  limits.places.ordinary = 3;
  start(limits);
  RawSocket new_one(server_->port());
  std::vector<std::unique_ptr<RawSocket>> answered;
  for (int i = 0; i < 4; ++i) {
    answered.push_back(std::make_unique<RawSocket>(server_->port()));
    ASSERT_TRUE(answered.back()->send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    EXPECT_THAT(answered.back()->read_all(), HasSubstr("GET /a 0")) << i;  // and does not close its side
  }
  ASSERT_TRUE(new_one.send("GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(new_one.read_all(), HasSubstr("GET /b 0"));
}

TEST_F(HttpServerTest, streams_leave_room_for_others) {
  HttpLimits limits;
  limits.places.ordinary = 8;
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
