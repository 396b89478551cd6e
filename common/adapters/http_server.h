// The HTTP/1.1 server behind the REST API: parses and bounds requests, hands complete ones to the sink as
// ExchangeOpened, and sends back what comes through ports/http_exchange. It knows no routes.
//
// The client's mistakes are answered here, as application/problem+json: malformed request 400, slow request
// 408, long body 413, long header 431; 503 with Retry-After when there are too many connections or the core
// stays silent. Who makes room when all connections are taken is in http_places.h; 503 is for the case that none
// is idle, and not for a request that stops something: places are reserved for those. Streams never take all of
// them. A gate says whose a connection is; bodies of strangers are not read, and the core gets their requests
// without body and token, to refuse them in its own words. HEAD arrives as GET and its reply's body is left out.
// Pipelined requests are handed over one after the other. A long body of lines, of somebody the gate knows, is handed over in
// pieces, each after the core has asked for it: it may be longer than any other, and nobody ever has it as a whole.
//
// A streaming reply has a bounded buffer: a client that reads slower than the core writes is disconnected and
// the core gets ExchangeClosed. ExchangeDrained says that everything given so far has left the process.
// reply() and chunk() are safe from any thread; for an exchange that has ended they do nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "common/adapters/asio_runtime.h"
#include "common/adapters/http_places.h"
#include "common/base/log.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/ports/exchange_gate.h"
#include "common/ports/http_exchange.h"
#include "common/ports/sink.h"

namespace metalmesh::adapters {

struct HttpLimits {
  std::uint32_t header_bytes = 16U << 10;
  std::uint64_t body_bytes = 1U << 20;
  std::uint64_t lines_bytes = 64U << 20;  // of a body of lines, which is given in pieces
  std::size_t line_bytes = 1U << 20;
  std::size_t piece_bytes = 64U << 10;
  std::size_t stream_buffer = 256U << 10;  // unsent bytes of one streaming reply
  HttpPlaceLimits places;                  // streams take at most three quarters of the ordinary ones
  Duration handshake = std::chrono::seconds(10);
  Duration idle = std::chrono::seconds(75);    // kept alive between requests
  Duration header = std::chrono::seconds(10);  // from a request's first byte to the end of its header
  Duration body = std::chrono::seconds(30);
  Duration reply = std::chrono::seconds(60);  // how long the core may take
  Duration write = std::chrono::seconds(30);  // for each 64 KiB that the client takes
  /// After an error reply, what the client is still sending is read and thrown away up to these bounds:
  /// closing at once would reset the connection and destroy the reply on its way.
  std::uint64_t drain_bytes = 16U << 20;
  Duration drain = std::chrono::seconds(5);
};

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // empty: not over the network
  std::uint16_t port = 0;             // 0: the system chooses, see port()
  /// Without both files the server speaks plain HTTP, and then only on a loopback address.
  std::string certificate_file;
  std::string key_file;
  /// A Unix socket beside it, for this host: plain HTTP with places of its own, for the process's own user and root alone
  /// (ExchangeOpened::peer says who), who pass no gate. Empty: none.
  std::filesystem::path socket;
  HttpLimits limits;
  ExchangeGate* gate = nullptr;  // none: every request goes to the core; must outlive the server
  LogSink* log = nullptr;  // hears, now and then, that descriptors have run out; must outlive the server
};

class HttpServer final : public ExchangeServer {
 public:
  /// Listens from the moment it returns. Kinds: invalid (address, certificate, key), unavailable (port in
  /// use).
  static Result<std::unique_ptr<HttpServer>> start(AsioRuntime& runtime, const HttpServerOptions& options,
                                                   Sink& sink);
  ~HttpServer() override;

  void reply(ExchangeReply reply) override;
  void chunk(ExchangeChunk chunk) override;
  [[nodiscard]] std::uint16_t port() const;  // 0 without a network
  /// Reads certificate and key again, for connections to come. Kind invalid: they stay as they are.
  Status read_certificate_again();
  /// Accepts nothing more, ends streams, lets running exchanges finish for at most `grace`, then closes.
  /// Nothing is delivered after it has returned. Not to be called on the runtime's thread.
  void stop(Duration grace);

 private:
  class Core;
  HttpServer(AsioRuntime& runtime, std::shared_ptr<Core> core);
  AsioRuntime& runtime_;
  std::shared_ptr<Core> core_;
};

}  // namespace metalmesh::adapters
