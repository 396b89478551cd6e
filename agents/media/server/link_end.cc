#include "agents/media/server/link_end.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace metalmesh::media {
namespace {

constexpr std::size_t most_unsent = std::size_t{256} << 20;
constexpr std::size_t chunk = 64 * 1024;

}  // namespace

LinkEnd::LinkEnd(std::function<void(std::string_view)> take, LogSink& log)
    : take_(std::move(take)), log_(log), wakeup_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

void LinkEnd::post(const google::protobuf::MessageLite& message) {
  const auto frame = make_frame(message.SerializeAsString());
  if (!frame) {
    log_.write({LogLevel::error, frame.error().message, {}});
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (!open_) return;
    posted_ += *frame;
    if (posted_.size() > most_unsent) open_ = false;  // `exchange` sees it
  }
  wake();
}

void LinkEnd::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wakeup_.get(), &one, sizeof one);
}

void LinkEnd::connect(FileHandle socket) {
  disconnect();
  socket_ = std::move(socket);
  const std::lock_guard lock(mutex_);
  open_ = true;
}

void LinkEnd::disconnect() {
  socket_ = FileHandle();
  arriving_ = FrameReader();
  leaving_.clear();
  left_ = 0;
  const std::lock_guard lock(mutex_);
  open_ = false;
  posted_.clear();
}

bool LinkEnd::wait(int listener, Duration at_most) {
  const auto patience = std::chrono::ceil<std::chrono::milliseconds>(at_most).count();
  const auto wanted = static_cast<short>(POLLIN | (left_ < leaving_.size() ? POLLOUT : 0));
  // poll passes over negative descriptors.
  std::array<pollfd, 3> polled = {
      {{wakeup_.get(), POLLIN, 0}, {listener, POLLIN, 0}, {socket_.get(), wanted, 0}}};
  if (::poll(polled.data(), polled.size(), static_cast<int>(patience)) < 0) return false;
  std::uint64_t drained = 0;
  [[maybe_unused]] const auto got = ::read(wakeup_.get(), &drained, sizeof drained);
  return polled[1].revents != 0;
}

bool LinkEnd::exchange() {
  if (!connected()) return false;
  // Reading first and to the end: what a peer wrote before it died still counts.
  if (read_all() && write_all()) return true;
  disconnect();
  return false;
}

bool LinkEnd::read_all() {
  std::array<char, chunk> bytes;
  for (;;) {
    const auto got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got < 0 && errno == EAGAIN;
    arriving_.feed({bytes.data(), static_cast<std::size_t>(got)});
    for (;;) {
      const auto message = arriving_.next();
      if (!message) {
        log_.write(
            {LogLevel::error, "the link between agent and media server: " + message.error().message, {}});
        return false;
      }
      if (!*message) break;
      take_(**message);
    }
  }
}

bool LinkEnd::write_all() {
  for (;;) {
    if (left_ == leaving_.size()) {
      leaving_.clear();
      left_ = 0;
      const std::lock_guard lock(mutex_);
      if (!open_) return false;  // too much piled up
      leaving_.swap(posted_);
    }
    if (leaving_.empty()) return true;
    const auto sent = ::send(socket_.get(), leaving_.data() + left_, leaving_.size() - left_, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN;
    left_ += static_cast<std::size_t>(sent);
  }
}

}  // namespace metalmesh::media
