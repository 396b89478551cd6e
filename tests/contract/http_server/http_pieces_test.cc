// Long bodies of lines: given in pieces, each when the core asks for it; whatever a client does with the rest.
#include <algorithm>
#include <string>
#include <thread>

#include "common/ports/exchange_pieces.h"
#include "tests/contract/http_server/http_server_fixture.h"

namespace metalmesh::adapters {
namespace {

using contract::RawSocket;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

class EveryToken final : public ExchangeGate {
 public:
  Verdict judge(const Head& head, MonoTime) override {
    Verdict verdict;
    verdict.caller = std::string(head.authorization);
    return verdict;
  }
};

class HttpPieces : public HttpServerTest {
 protected:
  void open(HttpLimits limits = {}) {
    limits.piece_bytes = 100;
    limits.line_bytes = 1000;
    limits.lines_bytes = std::min<std::uint64_t>(limits.lines_bytes, 100'000);
    limits.body_bytes = 500;
    HttpServerOptions options;
    options.limits = limits;
    options.gate = &gate_;
    auto server = HttpServer::start(runtime_, options, sink_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    sink_.server = server_.get();
  }
  static std::string head(const std::string& more, const std::string& type = "application/x-ndjson") {
    return "POST /silent/apply HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nContent-Type: " + type +
           "\r\n" + more + "\r\n";
  }
  static std::string with_length(const std::string& body) {
    return head("Content-Length: " + std::to_string(body.size()) + "\r\n") + body;
  }
  static bool goes_on(const ExchangeOpened& piece) {
    return std::ranges::any_of(piece.headers,
                               [](const auto& header) { return header.first == body_goes_on; });
  }
  /// All pieces of one request, each asked for; then its reply.
  std::vector<std::string> take_all(ExchangeId* id = nullptr) {
    std::vector<std::string> pieces;
    while (const auto piece = sink_.next<ExchangeOpened>([](const auto&) { return true; }, 2s)) {
      pieces.push_back(piece->body);
      if (id != nullptr) *id = piece->id;
      server_->reply({piece->id, goes_on(*piece) ? 100 : 200, {}, goes_on(*piece) ? "" : "done", false});
      if (!goes_on(*piece)) break;
    }
    return pieces;
  }
  static std::string lines(int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += "{\"line\":" + std::to_string(i) + "}\n";
    return out;
  }

  EveryToken gate_;
};

TEST_F(HttpPieces, are_whole_lines_and_together_the_body) {
  open();
  const std::string body = lines(3000) + "{\"no\":\"line break\"}";
  for (const bool chunked : {false, true}) {
    RawSocket socket(server_->port());
    std::thread sender([&] {
      if (!chunked) return void(socket.send(with_length(body)));
      socket.send(head("Transfer-Encoding: chunked\r\n"));
      for (std::size_t at = 0; at < body.size(); at += 777) {
        const std::string part = body.substr(at, 777);
        char size[16];
        std::snprintf(size, sizeof size, "%zx\r\n", part.size());
        socket.send(size + part + "\r\n");
      }
      socket.send("0\r\n\r\n");
    });
    const auto pieces = take_all();
    sender.join();
    EXPECT_THAT(socket.read_until("done"), HasSubstr("done"));
    EXPECT_GT(pieces.size(), 2U);
    std::string whole;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      whole += pieces[i];
      EXPECT_TRUE(i + 1 == pieces.size() || pieces[i].ends_with('\n')) << i;
    }
    EXPECT_EQ(whole, body);
    // The connection goes on as any other.
    ASSERT_TRUE(socket.send("GET /after HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n"));
    EXPECT_THAT(socket.read_until("GET /after 0"), HasSubstr("GET /after 0"));
    ASSERT_TRUE(sink_.next<ExchangeOpened>());
  }
}

TEST_F(HttpPieces, the_next_one_waits_until_the_core_asks) {
  open();
  RawSocket socket(server_->port());
  std::thread sender([&] { socket.send(with_length(lines(3000))); });
  const auto first = sink_.next<ExchangeOpened>();
  ASSERT_TRUE(first);
  EXPECT_FALSE(sink_.next<ExchangeOpened>([](const auto&) { return true; }, 200ms));
  server_->reply({first->id, 403, {}, "enough", false});
  EXPECT_THAT(socket.read_all(), StartsWith("HTTP/1.1 403"));
  sender.join();
  EXPECT_FALSE(sink_.next<ExchangeOpened>([](const auto&) { return true; }, 100ms))
      << "nobody wants the rest";
}

TEST_F(HttpPieces, who_goes_away_in_the_middle_is_told_of) {
  open();
  ExchangeId id = 0;
  {
    RawSocket socket(server_->port());
    ASSERT_TRUE(socket.send(head("Content-Length: 100000\r\n") + lines(100)));
    const auto first = sink_.next<ExchangeOpened>();
    ASSERT_TRUE(first);
    EXPECT_TRUE(goes_on(*first));
    id = first->id;
    server_->reply({id, 100, {}, {}, false});
  }
  EXPECT_TRUE(sink_.next<ExchangeClosed>([&](const auto& closed) { return closed.id == id; }));
}

TEST_F(HttpPieces, bounds_bodies_and_lines) {
  HttpLimits limits;
  limits.body = 400ms;
  open(limits);
  EXPECT_THAT(ask(head("Content-Length: 100001\r\n")), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(ask(head("Content-Length: 50000\r\n") + std::string(5000, 'x')),
              HasSubstr("line 1 of the body is longer than 1000 bytes"));
  EXPECT_THAT(ask(head("Content-Length: 600\r\n", "application/json")), StartsWith("HTTP/1.1 413"))
      << "any other body is as short as ever";
  {
    RawSocket endless(server_->port());
    std::thread sender([&] {
      endless.send(head("Transfer-Encoding: chunked\r\n"));
      for (int i = 0; i < 3000 && endless.send("40\r\n" + std::string(63, 'x') + "\n\r\n"); ++i) {
      }
    });
    ExchangeId id = 0;
    take_all(&id);
    EXPECT_THAT(endless.read_all(), StartsWith("HTTP/1.1 413"));
    sender.join();
    EXPECT_TRUE(sink_.next<ExchangeClosed>([&](const auto& closed) { return closed.id == id; }));
  }
  RawSocket slow(server_->port());
  ASSERT_TRUE(slow.send(head("Content-Length: 5000\r\n") + lines(20)));
  const auto first = sink_.next<ExchangeOpened>();
  ASSERT_TRUE(first);
  server_->reply({first->id, 100, {}, {}, false});
  EXPECT_THAT(slow.read_all(), StartsWith("HTTP/1.1 408"));
}

TEST_F(HttpPieces, are_of_callers_alone_and_nobody_sends_their_mark) {
  open();
  const std::string stranger = "POST /silent HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n";
  RawSocket socket(server_->port());
  ASSERT_TRUE(socket.send(stranger + "Content-Length: 50000\r\n\r\n" + lines(500)));
  const auto opened = sink_.next<ExchangeOpened>();
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->body, "") << "a stranger's body is not read";
  EXPECT_FALSE(goes_on(*opened));
  server_->reply({opened->id, 401, {}, {}, false});
  EXPECT_THAT(socket.read_all(), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(ask(head(":body-goes-on: 1\r\nContent-Length: 2\r\n") + "{}"), StartsWith("HTTP/1.1 400"));
}

}  // namespace
}  // namespace metalmesh::adapters
