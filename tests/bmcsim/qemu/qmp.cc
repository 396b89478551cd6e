#include "tests/bmcsim/qemu/qmp.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace metalmesh::bmcsim {
namespace asio = boost::asio;
namespace json = boost::json;
namespace {

constexpr std::size_t longest_line = 1U << 20;  // query-blockstats fills a few kilobytes

std::string_view text_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value && value->is_string() ? std::string_view(value->as_string()) : std::string_view();
}

}  // namespace

struct Qmp::Connection : std::enable_shared_from_this<Qmp::Connection> {
  asio::local::stream_protocol::socket socket;
  OnEvent on_event;
  OnEnd on_end;
  std::string in;
  std::string out;      // under way
  std::string waiting;  // goes next
  std::deque<OnReply> asked;
  bool ended = false;

  Connection(asio::io_context& io, int fd, OnEvent event, OnEnd end)
      : socket(io, asio::local::stream_protocol(), fd), on_event(std::move(event)), on_end(std::move(end)) {}

  void read() {
    asio::async_read_until(socket, asio::dynamic_buffer(in, longest_line), '\n',
                           [self = shared_from_this()](boost::system::error_code ec, std::size_t length) {
                             if (ec) return self->end();
                             const std::string line = self->in.substr(0, length);
                             self->in.erase(0, length);
                             self->take(line);
                             if (!self->ended) self->read();
                           });
  }

  void take(const std::string& line) {
    boost::system::error_code ec;
    const auto message = json::parse(line, ec);
    if (ec || !message.is_object()) return end();
    const auto& object = message.as_object();
    if (const auto name = text_at(object, "event"); !name.empty()) {
      const auto* data = object.if_contains("data");
      static const json::object nothing;
      if (on_event) on_event(name, data && data->is_object() ? data->as_object() : nothing);
      return;
    }
    const auto* value = object.if_contains("return");
    const auto* error = object.if_contains("error");
    if ((!value && !error) || asked.empty()) return;  // the greeting
    const OnReply on_reply = std::move(asked.front());
    asked.pop_front();
    if (!on_reply) return;
    if (value) return on_reply(*value);
    on_reply(fail(ErrorKind::unavailable,
                  std::string(error->is_object() ? text_at(error->as_object(), "desc") : "refused")));
  }

  void write() {
    if (!out.empty() || waiting.empty() || ended) return;
    out.swap(waiting);
    asio::async_write(socket, asio::buffer(out),
                      [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                        self->out.clear();
                        if (ec) return self->end();
                        self->write();
                      });
  }

  void end() {
    if (std::exchange(ended, true)) return;
    boost::system::error_code ignored;
    socket.close(ignored);
    for (auto& on_reply : std::exchange(asked, {})) {
      if (on_reply) on_reply(fail(ErrorKind::unavailable, "QEMU ended"));
    }
    if (on_end) on_end();
  }

  /// Nobody wants to hear any more.
  void abandon() {
    on_event = nullptr;
    on_end = nullptr;
    asked.clear();
    end();
  }
};

Qmp::Qmp(asio::io_context& io, int fd, OnEvent on_event, OnEnd on_end)
    : connection_(std::make_shared<Connection>(io, fd, std::move(on_event), std::move(on_end))) {
  connection_->read();
  send("qmp_capabilities");
}

Qmp::~Qmp() { connection_->abandon(); }

void Qmp::send(std::string_view command, json::object arguments, OnReply on_reply) {
  if (connection_->ended) {
    if (on_reply) on_reply(fail(ErrorKind::unavailable, "QEMU ended"));
    return;
  }
  json::object message{{"execute", command}};
  if (!arguments.empty()) message["arguments"] = std::move(arguments);
  connection_->waiting += json::serialize(message) + "\n";
  connection_->asked.push_back(std::move(on_reply));
  connection_->write();
}

}  // namespace metalmesh::bmcsim
