#include "common/adapters/http_connection.h"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <ctime>
#include <utility>

#include "common/ports/exchange_pieces.h"
#include "common/text/letters.h"

namespace metalmesh::adapters {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

using Parser = http::request_parser<http::string_body>;

constexpr std::size_t read_size = 8U << 10;
constexpr std::size_t write_slice = 64U << 10;
/// Unparsed input held per connection, above the header limit: room for chunk headers and pipelined requests.
constexpr std::size_t input_slack = 16U << 10;
constexpr Duration drain_slice = std::chrono::milliseconds(500);
/// For the client to close after us.
constexpr Duration goodbye_time = std::chrono::seconds(2);

struct Problem {
  int status;
  std::string_view detail;
};

Problem problem_of(const IoError& error) {
  if (error == http::error::header_limit) return {431, "the request header is too long"};
  if (error == http::error::body_limit) return {413, "the request body is too long"};
  if (error == http::error::bad_version) return {400, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  return {400, "the request is not valid HTTP/1.1"};
}

/// What RFC 9112 demands of a server and the parser does not check.
std::optional<Problem> problem_of(const Parser& parser) {
  const auto& request = parser.get();
  if (request.version() != 10 && request.version() != 11) return problem_of(http::error::bad_version);
  if (request.count(http::field::host) > 1 ||
      (request.version() == 11 && request.count(http::field::host) == 0)) {
    return Problem{400, "a request needs exactly one Host header"};
  }
  // What another reader before us might take for another body.
  if (const auto coded = request.count(http::field::transfer_encoding);
      coded > 1 || (coded == 1 && to_lower(request[http::field::transfer_encoding]) != "chunked"))
    return Problem{400, "the only Transfer-Encoding that is read here is \"chunked\", once"};
  if (!request.target().starts_with('/')) return Problem{400, "the request target must be a path"};
  return std::nullopt;
}

/// All but the body.
template <class Message>
void fill_head(const Message& message, const std::string& peer, ExchangeOpened& opened) {
  opened.method = message.method() == http::verb::head ? "GET" : std::string(message.method_string());
  opened.target = std::string(message.target());
  opened.headers.clear();
  for (const auto& field : message) opened.headers.emplace_back(to_lower(field.name_string()), field.value());
  opened.peer = peer;
}

ExchangeGate::Head head_of(const Parser& parser, std::string_view peer) {
  const auto& request = parser.get();
  return {request.method_string(), request.target(), request[http::field::authorization], peer};
}

/// Of which the core gets one piece after the other.
bool is_lines(const Parser& parser) {
  const std::string_view type = parser.get()[http::field::content_type];
  return same_letters(type.substr(0, type.find_first_of("; \t")), "application/x-ndjson");
}

bool expects_continue(const Parser& parser) {
  return parser.get().version() == 11 && to_lower(parser.get()[http::field::expect]) == "100-continue";
}

}  // namespace

struct HttpConnection::Request {
  ExchangeOpened opened;
  Exchange exchange;
  std::size_t lines = 0;  // handed over so far
};

HttpConnection::HttpConnection(const asio::any_io_executor& executor, ConnectionOwner& owner,
                               const HttpLimits& limits, HttpPlace place, std::unique_ptr<Stream> stream)
    : executor_(executor),
      owner_(owner),
      limits_(limits),
      stream_(std::move(stream)),
      in_(limits.header_bytes + input_slack),
      news_(executor),
      room_(executor),
      pending_(executor),
      input_deadline_(executor),
      output_deadline_(executor),
      place_(std::move(place)) {
  place_.idle_since = std::chrono::steady_clock::now();
}

void HttpConnection::start() {
  asio::co_spawn(executor_, serve(), [self = shared_from_this()](const std::exception_ptr&) {
    self->end_exchange(true);
    self->abort();
    self->owner_.ended(self);
  });
}

void HttpConnection::abort() {
  if (std::exchange(dead_, true)) return;
  stream_->close();
  input_deadline_.cancel();
  output_deadline_.cancel();
  news_.notify();
  room_.notify();
  pending_.notify();
}

void HttpConnection::stop() {
  stopping_ = true;
  if (exchange_ && exchange_->streaming) {
    end_stream();
    end_exchange(true);
  }
  news_.notify();
}

Task<void> HttpConnection::pump_in() {
  std::array<char, read_size> bytes{};
  const auto space = asio::buffer(bytes);
  while (!dead_) {
    if (!discarding_ && in_.size() + read_size > in_.max_size()) {
      co_await room_.wait();
      continue;
    }
    const auto count = co_await stream_->read_some(space);
    if (!count) break;
    if (discarding_) discarded_ += *count;
    if (discarded_ > limits_.drain_bytes) break;
    if (!discarding_) in_.commit(asio::buffer_copy(in_.prepare(*count), asio::buffer(bytes.data(), *count)));
    news_.notify();
  }
  input_ended_ = true;
  news_.notify();
}

Task<void> HttpConnection::pump_out() {
  while (!dead_) {
    if (out_.empty()) {
      co_await pending_.wait();
      continue;
    }
    const std::string bytes = std::exchange(out_, {});
    writing_ = true;
    for (std::size_t sent = 0; sent < bytes.size() && !dead_; sent += write_slice) {
      output_deadline_.set(limits_.write, [this] { abort(); });
      const auto slice = asio::buffer(bytes.data() + sent, std::min(write_slice, bytes.size() - sent));
      const IoError error = co_await stream_->write(slice);
      if (error) abort();
    }
    output_deadline_.cancel();
    writing_ = false;
    if (!dead_ && out_.empty() && exchange_ && exchange_->streaming &&
        !std::exchange(exchange_->told_drained, true)) {
      owner_.deliver(ExchangeDrained{exchange_->id});
    }
    news_.notify();
  }
}

Task<void> HttpConnection::serve() {
  input_deadline_.set(limits_.handshake, [this] { abort(); });
  const IoError error = co_await stream_->handshake();
  input_deadline_.cancel();
  if (error || dead_) co_return;
  // The pumps hold the connection alive; they end when it is aborted, which start() sees to.
  const auto keep = [self = shared_from_this()](const std::exception_ptr& failed) {
    if (failed) self->abort();
  };
  asio::co_spawn(executor_, pump_in(), keep);
  asio::co_spawn(executor_, pump_out(), keep);
  bool more = true;
  while (more && !dead_) more = co_await serve_one();
  if (!dead_) co_await farewell();
}

/// False when the connection must end.
Task<bool> HttpConnection::serve_one() {
  auto request = co_await read_request();
  if (!request) {
    end_exchange(true);  // of a body that was on its way
    co_return false;
  }
  const bool keep_alive = request->exchange.keep_alive;
  co_await run_exchange(std::move(*request));
  co_return keep_alive && !stopping_ && !input_ended_;
}

/// Nothing: the client went away, was idle for too long, or got an error reply.
Task<std::optional<HttpConnection::Request>> HttpConnection::read_request() {
  Parser parser;
  parser.header_limit(limits_.header_bytes);
  parser.body_limit(std::max(limits_.body_bytes, limits_.lines_bytes));
  parser.eager(false);  // up to the body, of which the header tells how long it may be
  const auto patience = [this](Duration after) {
    input_deadline_.set(after, [this] {
      late_ = true;
      news_.notify();
    });
  };
  const std::string peer = stream_->peer();
  bool began = false;
  bool header_seen = false;
  bool lines = false;
  Request request;
  late_ = false;
  patience(std::exchange(first_request_, false) ? limits_.header : limits_.idle);
  place_.idle_since = std::chrono::steady_clock::now();
  while (!parser.is_done()) {
    const auto waiting = std::string_view(static_cast<const char*>(in_.data().data()), in_.size());
    if (!began) in_.consume(std::min(waiting.find_first_not_of("\r\n"), waiting.size()));
    if (!began && in_.size() > 0) {
      began = true;
      patience(limits_.header);
    }
    std::size_t used = 0;
    if (in_.size() > 0) {
      IoError error;
      used = parser.put(in_.data(), error);
      in_.consume(used);
      room_.notify();
      std::optional<Problem> problem;
      if (error && error != http::error::need_more) problem = problem_of(error);
      if (!problem && parser.is_header_done() && !std::exchange(header_seen, true)) {
        problem = problem_of(parser);
        lines = is_lines(parser);
        if (!problem && !lines && parser.content_length().value_or(0) > limits_.body_bytes)
          problem = problem_of(http::error::body_limit);
        parser.eager(true);
        patience(limits_.body);
        if (!problem && !let_in(head_of(parser, peer), !parser.is_done())) co_return std::nullopt;
        if (!problem && body_unread_) break;
        if (lines) fill_head(parser.get(), peer, request.opened);
        if (!problem && !parser.is_done() && expects_continue(parser)) send("HTTP/1.1 100 Continue\r\n\r\n");
      }
      std::string& body = parser.get().body();
      if (!problem && !lines && body.size() > limits_.body_bytes)
        problem = problem_of(http::error::body_limit);
      while (!problem && lines && !parser.is_done() && body.size() >= limits_.piece_bytes) {
        if (!body.contains('\n')) {
          if (body.size() > limits_.line_bytes) {
            send_problem(413, "line " + std::to_string(request.lines + 1) + " of the body is longer than " +
                                  std::to_string(limits_.line_bytes) + " bytes");
            co_return std::nullopt;
          }
          break;
        }
        if (!co_await hand_over(request, body)) co_return std::nullopt;
        patience(limits_.body);
      }
      // No progress with a full buffer: a chunk header or trailer that never ends.
      if (!problem && used == 0 && in_.size() + read_size > in_.max_size())
        problem = problem_of(http::error::bad_chunk);
      if (problem) {
        send_problem(problem->status, problem->detail);
        co_return std::nullopt;
      }
    }
    if (parser.is_done() || (used > 0 && in_.size() > 0)) continue;
    if (dead_ || input_ended_ || (!began && (late_ || stopping_))) co_return std::nullopt;
    if (late_) {
      send_problem(408, "the request did not arrive in time");
      co_return std::nullopt;
    }
    co_await news_.wait();
  }
  input_deadline_.cancel();
  place_.idle_since.reset();

  auto message = parser.release();
  if (body_unread_) {
    message.body().clear();
    message.erase(http::field::authorization);
    message.keep_alive(false);
  }
  request.exchange.head_only = message.method() == http::verb::head;
  request.exchange.http_1_0 = message.version() == 10;
  request.exchange.keep_alive = message.keep_alive();
  fill_head(message, peer, request.opened);
  request.opened.body = std::move(message.body());
  co_return request;
}

Task<bool> HttpConnection::hand_over(Request& request, std::string& body) {
  const std::size_t end = body.rfind('\n') + 1;
  ExchangeOpened piece = request.opened;
  piece.headers.emplace_back(body_goes_on, "1");
  piece.body = body.substr(0, end);
  body.erase(0, end);
  request.lines += static_cast<std::size_t>(std::ranges::count(piece.body, '\n'));
  if (!exchange_) {
    exchange_ = Exchange{};
    exchange_->id = owner_.open_exchange(shared_from_this());
    exchange_->keep_alive = false;  // whatever is answered before the end
  }
  piece.id = exchange_->id;
  wants_more_ = false;
  input_deadline_.set(limits_.reply, [this] {
    if (!exchange_ || wants_more_) return;
    send_problem(503, "the controller did not answer in time");
    end_exchange(true);
    news_.notify();
  });
  place_.idle_since.reset();
  owner_.deliver(std::move(piece));
  while (exchange_ && !wants_more_ && !dead_ && !input_ended_) co_await news_.wait();
  refused_ = refused_ || !exchange_;
  co_return exchange_&& wants_more_ && !dead_;
}

bool HttpConnection::let_in(const ExchangeGate::Head& head, bool has_body) {
  if (place_.local) return true;
  ExchangeGate::Verdict verdict = owner_.judge(head);
  if (verdict.refusal) {
    refuse(*verdict.refusal);
    return false;
  }
  const bool fits = verdict.caller.empty() || verdict.caller == place_.caller ||
                    owner_.is_callers(shared_from_this(), verdict.caller);
  if (!verdict.urgent && (place_.reserved || !fits)) {
    send_problem(503, fits ? "too many connections; try again shortly"
                           : "too many connections with one token; try again shortly");
    return false;
  }
  body_unread_ = refused_ = has_body && verdict.caller.empty();
  if (fits) place_.caller = std::move(verdict.caller);
  return true;
}

Task<void> HttpConnection::run_exchange(Request request) {
  request.exchange.id = request.opened.id =
      exchange_ ? exchange_->id : owner_.open_exchange(shared_from_this());
  exchange_ = request.exchange;
  input_deadline_.set(limits_.reply, [this] {
    if (!exchange_ || exchange_->replied) return;
    exchange_->keep_alive = false;
    send_reply(problem_reply(exchange_->id, 503, "the controller did not answer in time"));
    end_exchange(true);
    stopping_ = true;
    news_.notify();
  });
  owner_.deliver(std::move(request.opened));
  while (exchange_ && !dead_) {
    if (input_ended_ && exchange_->streaming)
      end_exchange(true);
    else
      co_await news_.wait();
  }
  input_deadline_.cancel();
  // The next request is not looked at before this reply has left: a client that never reads gets no more work
  // done.
  while (unsent() && !dead_) co_await news_.wait();
}

/// Gets the last bytes to the client before the connection closes.
Task<void> HttpConnection::farewell() {
  while (unsent() && !dead_) co_await news_.wait();
  discarding_ = true;
  in_.clear();
  room_.notify();
  if (refused_) co_await drain();
  // Nothing is left but its client's own close: who needs room takes this one first.
  place_.idle_since = std::chrono::steady_clock::time_point::min();
  input_deadline_.set(goodbye_time, [this] { abort(); });
  co_await stream_->finish();
  while (!input_ended_ && !dead_) co_await news_.wait();
}

/// Reads and forgets what a refused client is still sending, until it ends or pauses: closing now would reset
/// the connection and take the reply with it.
Task<void> HttpConnection::drain() {
  stream_->end_sending();
  bool more = true;
  for (Duration spent{}; more && spent < limits_.drain; spent += drain_slice) {
    const std::uint64_t before = discarded_;
    late_ = false;
    input_deadline_.set(drain_slice, [this] {
      late_ = true;
      news_.notify();
    });
    while (!late_ && !input_ended_ && !dead_) co_await news_.wait();
    more = discarded_ > before && !input_ended_ && !dead_;
  }
}

void HttpConnection::reply(const ExchangeReply& reply) {
  if (!exchange_ || exchange_->replied) return;
  if (reply.status == 100) {
    wants_more_ = true;
    return news_.notify();
  }
  if (stopping_ || input_ended_) exchange_->keep_alive = false;
  if (reply.stream && !owner_.may_stream()) {
    exchange_->keep_alive = false;
    send_reply(problem_reply(exchange_->id, 503, "too many streams are open; try again shortly"));
    end_exchange(true);
    stopping_ = true;
    return news_.notify();
  }
  send_reply(reply);
  if (!exchange_->streaming) end_exchange(false);
  news_.notify();
}

void HttpConnection::send_reply(const ExchangeReply& reply) {
  Exchange& exchange = *exchange_;
  exchange.replied = true;
  const bool bodiless = reply.status == 204 || reply.status == 304;
  exchange.streaming = reply.stream && !bodiless && !exchange.head_only && !stopping_;
  ReplyHead head;
  head.status = reply.status;
  head.framing = BodyFraming::length;
  if (bodiless)
    head.framing = BodyFraming::none;
  else if (reply.stream)
    head.framing = exchange.http_1_0 ? BodyFraming::until_close : BodyFraming::chunked;
  if (head.framing == BodyFraming::until_close) exchange.keep_alive = false;
  head.length = reply.body.size();
  head.keep_alive = exchange.keep_alive;
  head.date = std::time(nullptr);
  std::string bytes = reply_head(head, reply.headers);
  if (!bodiless && !exchange.head_only) {
    bytes += head.framing == BodyFraming::chunked ? framed_chunk(reply.body) : reply.body;
    if (reply.stream && !exchange.streaming && head.framing == BodyFraming::chunked) bytes += last_chunk;
  }
  exchange.told_drained = false;
  send(bytes);
  // A stream that cannot go on (HEAD, 204, stopping) is over for the core too.
  if (reply.stream && !exchange.streaming) owner_.deliver(ExchangeClosed{exchange.id});
}

void HttpConnection::chunk(const ExchangeChunk& chunk) {
  if (!exchange_ || !exchange_->streaming) return;
  if (!out_.empty() && out_.size() + chunk.bytes.size() > limits_.stream_buffer) {
    end_exchange(true);
    return abort();
  }
  exchange_->told_drained = false;
  send(exchange_->http_1_0 ? chunk.bytes : framed_chunk(chunk.bytes));
  if (!chunk.last) return;
  end_stream();
  end_exchange(false);
  news_.notify();
}

void HttpConnection::end_stream() {
  if (!exchange_->http_1_0) send(last_chunk);
}

void HttpConnection::end_exchange(bool client_gone) {
  if (!exchange_) return;
  const ExchangeId id = exchange_->id;
  exchange_.reset();
  owner_.close_exchange(id);
  if (client_gone) owner_.deliver(ExchangeClosed{id});
}

void HttpConnection::refuse(const ExchangeReply& answer) {
  ReplyHead head;
  head.status = answer.status;
  head.length = answer.body.size();
  head.keep_alive = false;
  head.date = std::time(nullptr);
  refused_ = true;
  send(reply_head(head, answer.headers) + answer.body);
}

void HttpConnection::send(std::string_view bytes) {
  if (dead_ || bytes.empty()) return;
  out_ += bytes;
  pending_.notify();
}

}  // namespace metalmesh::adapters
