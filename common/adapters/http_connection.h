// One client's connection to the HTTP server: three coroutines on the runtime's thread. One reads bytes in,
// one writes bytes out, and `serve` between them is the protocol: request, exchange, reply, next request. For
// .cc files of this room only.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/adapters/http_reply_text.h"
#include "common/adapters/http_server.h"
#include "common/adapters/transport.h"

namespace metalmesh::adapters {

class HttpConnection;

/// What a connection needs of its server. Called on the runtime's thread.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  /// A new exchange of `connection`; later replies for the id are routed to it until close_exchange.
  virtual ExchangeId open_exchange(const std::shared_ptr<HttpConnection>& connection) = 0;
  virtual void close_exchange(ExchangeId id) = 0;
  virtual void deliver(Input input) = 0;
  /// Whether one more connection may stay open for a stream.
  virtual bool may_stream() = 0;
  /// What the gate says of a request whose header is there.
  virtual ExchangeGate::Verdict judge(const ExchangeGate::Head& head) = 0;
  /// The connection turns out to be this caller's. False: she has too many, and all are at work.
  virtual bool is_callers(const std::shared_ptr<HttpConnection>& connection, const std::string& caller) = 0;
  virtual void ended(const std::shared_ptr<HttpConnection>& connection) = 0;
};

class HttpConnection final : public std::enable_shared_from_this<HttpConnection> {
 public:
  /// `owner` must outlive the call of its ended().
  HttpConnection(const boost::asio::any_io_executor& executor, ConnectionOwner& owner,
                 const HttpLimits& limits, HttpPlace place, std::unique_ptr<Stream> stream);
  void start();
  void reply(const ExchangeReply& reply);
  void chunk(const ExchangeChunk& chunk);
  /// Ends after the running exchange; a stream is ended at once.
  void stop();
  void abort();
  [[nodiscard]] bool aborted() const { return dead_; }
  [[nodiscard]] const HttpPlace& place() const { return place_; }
  /// A streaming reply is under way, over the network.
  static bool streams(const std::shared_ptr<HttpConnection>& connection) {
    return !connection->place_.local && connection->exchange_ && connection->exchange_->streaming;
  }

 private:
  struct Request;
  struct Exchange {
    ExchangeId id = 0;
    bool head_only = false;
    bool http_1_0 = false;
    bool keep_alive = true;
    bool replied = false;
    bool streaming = false;
    bool told_drained = true;
  };

  Task<void> pump_in();
  Task<void> pump_out();
  Task<void> serve();
  Task<bool> serve_one();
  Task<std::optional<Request>> read_request();
  /// Hands over the whole lines that are there. False: the core does not want the rest, or nobody is there any more.
  Task<bool> hand_over(Request& request, std::string& body);
  Task<void> run_exchange(Request request);
  Task<void> farewell();
  Task<void> drain();
  /// Of a request whose header is there. False: it was answered.
  bool let_in(const ExchangeGate::Head& head, bool has_body);

  void send(std::string_view bytes);
  void send_problem(int status, std::string_view detail) { refuse(problem_reply(0, status, detail)); }
  void refuse(const ExchangeReply& answer);
  void send_reply(const ExchangeReply& reply);
  void end_exchange(bool client_gone);
  void end_stream();
  [[nodiscard]] bool unsent() const { return !out_.empty() || writing_; }

  boost::asio::any_io_executor executor_;
  ConnectionOwner& owner_;
  const HttpLimits limits_;
  std::unique_ptr<Stream> stream_;

  boost::beast::flat_buffer in_;
  std::string out_;
  std::optional<Exchange> exchange_;
  Signal news_;     // for serve
  Signal room_;     // for pump_in: in_ has room again
  Signal pending_;  // for pump_out: out_ has bytes
  Deadline input_deadline_;
  Deadline output_deadline_;
  HttpPlace place_;
  bool first_request_ = true;
  bool writing_ = false;
  bool input_ended_ = false;
  bool late_ = false;        // input_deadline_ passed
  bool discarding_ = false;  // pump_in throws bytes away
  bool stopping_ = false;
  bool wants_more_ = false;   // the core, of a body that comes in pieces
  bool body_unread_ = false;  // of the request at hand: a stranger's
  bool refused_ = false;      // an error reply was sent to a request that may not have been read to its end
  bool dead_ = false;         // closed; every coroutine ends at its next step
  std::uint64_t discarded_ = 0;
};

}  // namespace metalmesh::adapters
