// QEMU's monitor: JSON lines over a socket. Commands are executed in the order in which they are sent, each
// is answered once; events come in between. Everything happens on the io_context's thread. When QEMU goes
// away, commands without an answer fail with `unavailable`, and `on_end` is called once.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/json/object.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace metalmesh::bmcsim {

class Qmp {
 public:
  using OnReply = std::function<void(Result<boost::json::value>)>;
  using OnEvent = std::function<void(std::string_view name, const boost::json::object& data)>;
  using OnEnd = std::function<void()>;

  /// Owns `fd`, the near end of a connected stream socket, and speaks as soon as the io_context runs.
  Qmp(boost::asio::io_context& io, int fd, OnEvent on_event, OnEnd on_end);
  ~Qmp();
  Qmp(const Qmp&) = delete;
  Qmp& operator=(const Qmp&) = delete;

  void send(std::string_view command, boost::json::object arguments = {}, OnReply on_reply = {});

 private:
  struct Connection;
  std::shared_ptr<Connection> connection_;  // handlers under way keep it
};

}  // namespace metalmesh::bmcsim
