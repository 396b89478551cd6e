#include "agents/media/server/connection.h"

#include <algorithm>

namespace metalmesh::media {
namespace {

constexpr std::size_t most_body_bytes = 4096;
constexpr std::uint64_t worth_a_file_send = 16 * 1024;  // shorter pieces go together in one write
constexpr std::size_t content_piece_bytes = 64 * 1024;  // whole TLS records: a short one costs as much
constexpr std::size_t tls_record_bytes = 16 * 1024;     // at most

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 416:
      return "Range Not Satisfiable";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::exhausted:
      return 431;
    case ErrorKind::unsupported:
      return 501;
    default:
      return 400;
  }
}

}  // namespace

Connection::Connection(ConnId id, NetSocket socket, std::string peer, Door door, ReaderPatience patience,
                       MonoTime now)
    : id_(id),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      door_(door),
      patience_(patience),
      deadline_(now + patience.handshake),
      answered_(now) {}

bool Connection::blocked(const IoResult& result, Progress& progress) const {
  switch (result.state) {
    case IoState::done:
      return false;
    case IoState::want_read:
      progress.wait = Wait::readable;
      return true;
    case IoState::want_write:
      progress.wait = Wait::writable;
      return true;
    case IoState::closed:
    case IoState::failed:
      progress.wait = Wait::gone;
      return true;
  }
  return true;
}

Connection::Progress Connection::step(MonoTime now, std::size_t most_content, std::vector<char>& scratch,
                                      const std::function<bool()>& may_continue) {
  Progress progress;
  if (phase_ == Phase::handshake && !shake_hands(progress, now)) return progress;
  if (phase_ == Phase::sending &&
      !(send(progress, now, most_content, scratch, may_continue) && finish_response(now))) {
    return progress;
  }
  if (phase_ == Phase::reading) read_request(progress, now, scratch);
  if (phase_ == Phase::waiting) progress.wait = Wait::verdict;
  if (phase_ == Phase::held) hold(progress, scratch);
  if (phase_ == Phase::closing) close_in_peace(progress, scratch);
  return progress;
}

bool Connection::shake_hands(Progress& progress, MonoTime now) {
  const IoResult result = socket_.handshake();
  if (blocked(result, progress)) {
    if (progress.wait == Wait::gone && socket_.handshake_began()) {
      progress.tls_refused =
          socket_.error().empty() ? "the reader closed the connection during the handshake" : socket_.error();
    }
    return false;
  }
  phase_ = Phase::reading;
  deadline_ = now + (from_hosts() ? patience_.request : patience_.idle);
  return true;
}

bool Connection::read_request(Progress& progress, MonoTime now, std::vector<char>& scratch) {
  while (!take_request(progress, now)) {
    const IoResult result = socket_.read(scratch.data(), most_head_bytes);
    if (blocked(result, progress)) return false;
    if (in_.empty()) deadline_ = now + patience_.request;
    in_.append(scratch.data(), result.bytes);
  }
  return true;
}

/// True when reading stops: a request is complete, or an answer of our own is on its way.
bool Connection::take_request(Progress& progress, MonoTime now) {
  auto head = parse_request_head(in_);
  if (!head) {
    keep_alive_ = false;
    head_only_ = false;
    answer_now(status_of(head.error().kind), head.error().message + "\n", now);
    progress.wait = Wait::writable;
    return true;
  }
  if (!*head) return false;
  keep_alive_ = (*head)->keep_alive;
  head_only_ = (*head)->method == "HEAD";
  if ((*head)->content_length > most_body_bytes) {
    keep_alive_ = false;
    answer_now(413, "the body may have at most 4096 bytes\n", now);
    progress.wait = Wait::writable;
    return true;
  }
  const std::size_t total = (*head)->size + static_cast<std::size_t>((*head)->content_length);
  if (in_.size() < total) return false;
  MediaRequest request;
  request.conn = id_;
  request.method = std::move((*head)->method);
  request.path = std::move((*head)->path);
  request.headers = std::move((*head)->headers);
  request.body = in_.substr((*head)->size, total - (*head)->size);
  request.peer = peer_;
  request.door = door_;
  in_.erase(0, total);
  phase_ = Phase::waiting;
  progress.request = std::move(request);
  return true;
}

void Connection::answer_now(int status, const std::string& text, MonoTime now) {
  Respond refusal;
  refusal.conn = id_;
  refusal.status = status;
  refusal.headers = {{"Content-Type", "text/plain"}};
  refusal.content_length = text.size();
  if (!head_only_) refusal.text = text;
  respond(std::move(refusal), nullptr, now);
}

void Connection::respond(Respond respond, std::shared_ptr<ImageFile> file, MonoTime now) {
  out_ = "HTTP/1.1 " + std::to_string(respond.status) + " " + std::string(reason_of(respond.status)) + "\r\n";
  for (const auto& [name, value] : respond.headers) out_ += name + ": " + value + "\r\n";
  if (respond.status != 204) out_ += "Content-Length: " + std::to_string(respond.content_length) + "\r\n";
  out_ += keep_alive_ ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  out_ += respond.text;
  out_at_ = 0;
  file_ = std::move(file);
  was_served_ = was_served_ || file_ != nullptr;
  content_.assign(std::make_move_iterator(respond.segments.begin()),
                  std::make_move_iterator(respond.segments.end()));
  segment_at_ = 0;
  cut_short_ = respond.cut_short;
  begun_.clear();
  phase_ = Phase::sending;
  stalled_ = std::max(patience_.stalled, respond.patience);
  deadline_ = now + stalled_;
}

void Connection::look_for_progress(MonoTime now) {
  if (phase_ != Phase::sending && phase_ != Phase::closing) return;
  const std::uint64_t before = std::exchange(acknowledged_, socket_.acknowledged());
  if (acknowledged_ != before) deadline_ = now + stalled_;
}

void Connection::take(std::uint64_t offset, std::shared_ptr<const std::string> bytes, MonoTime now) {
  awaits_disk_ = false;
  fetched_at_ = offset;
  fetched_ = std::move(bytes);
  deadline_ = now + stalled_;  // it was not the reader who took so long
}

/// Head, text and content, in this order.
bool Connection::send(Progress& progress, MonoTime now, std::size_t most_content, std::vector<char>& scratch,
                      const std::function<bool()>& may_continue) {
  while (out_at_ < out_.size() || !content_.empty()) {
    if (!content_.empty() && progress.content_sent >= most_content) {
      progress.wait = Wait::turn;
      return false;
    }
    if (!content_.empty() && !may_continue()) {
      socket_.drop_unsent();
      progress.wait = Wait::gone;
      return false;
    }
    const IoResult result = send_piece(progress, now, most_content, scratch);
    if (awaits_disk_) {
      progress.wait = Wait::disk;
      progress.wanted = wanted_;
      return false;
    }
    took(result.bytes, progress);
    if (result.bytes > 0) deadline_ = now + stalled_;
    if (blocked(result, progress)) {
      fetched_.reset();
      return false;
    }
  }
  return true;
}

/// Something of what comes next, or nothing because it waits for the disk. `bytes` counts in any state.
IoResult Connection::send_piece(Progress& progress, MonoTime now, std::size_t most_content,
                                std::vector<char>& scratch) {
  if (!begun_.empty()) return send_gathered(begun_.data(), begun_.size());
  const auto* base = content_.empty() ? nullptr : std::get_if<ByteRange>(&content_.front());
  const std::uint64_t left = base == nullptr ? 0 : base->length - segment_at_;
  if (left >= worth_a_file_send && socket_.sends_files()) {
    const std::uint64_t from = base->offset + segment_at_;
    const auto most = static_cast<std::size_t>(std::min(left, most_content - progress.content_sent));
    if (const std::size_t there = file_->in_memory(from, most, now); there > 0) {
      if (out_at_ < out_.size()) return socket_.write(out_.data() + out_at_, out_.size() - out_at_, true);
      return socket_.send_file(file_->fd(), from, there);
    }
  }
  const std::size_t length = gather(scratch, now);
  if (awaits_disk_) return {IoState::done, 0};
  return send_gathered(scratch.data(), length);
}

/// A record that TLS has begun must be offered again with the same bytes, whatever the disk says by then.
IoResult Connection::send_gathered(const char* from, std::size_t length) {
  IoResult result{IoState::done, 0};
  std::size_t sent = 0;
  while (sent < length && (result = socket_.write(from + sent, length - sent)).state == IoState::done) {
    sent += result.bytes;
  }
  std::string again;
  if (result.state == IoState::want_write && socket_.write_pending())
    again.assign(from + sent, std::min(length - sent, tls_record_bytes));
  begun_ = std::move(again);
  return {result.state, sent};
}

/// Of the base, as much as there is without waiting.
std::size_t Connection::read_base(std::uint64_t offset, char* into, std::size_t length, MonoTime now) {
  if (fetched_ && offset >= fetched_at_ && offset - fetched_at_ < fetched_->size())
    return fetched_->copy(into, length, static_cast<std::size_t>(offset - fetched_at_));
  return file_->read_now(offset, into, length, now);
}

/// Fills `scratch` with what comes next. Without a byte of content to go with, a head waits for the disk,
/// too: together they are one record, and an image that cannot be read has no head.
std::size_t Connection::gather(std::vector<char>& scratch, MonoTime now) {
  const std::size_t head = out_.copy(scratch.data(), scratch.size(), out_at_);
  std::size_t length = head;
  const std::size_t room = std::min(scratch.size(), length + content_piece_bytes);
  std::uint64_t at = segment_at_;
  for (const Segment& segment : content_) {
    const auto part =
        static_cast<std::size_t>(std::min<std::uint64_t>(length_of(segment) - at, room - length));
    std::size_t got = part;
    if (const auto* base = std::get_if<ByteRange>(&segment)) {
      got = read_base(base->offset + at, scratch.data() + length, part, now);
      if (got == 0 && part > 0 && length == head) {
        awaits_disk_ = true;
        wanted_ = base->offset + at;
        return 0;
      }
    } else {
      std::get<SharedText>(segment).view().copy(scratch.data() + length, part, at);
    }
    length += got;
    at = 0;
    if (got < part || length == room) break;
  }
  return length;
}

void Connection::took(std::size_t bytes, Progress& progress) {
  const std::size_t of_head = std::min(bytes, out_.size() - out_at_);
  out_at_ += of_head;
  for (std::uint64_t rest = bytes - of_head; rest > 0;) {
    const std::uint64_t part = std::min(rest, length_of(content_.front()) - segment_at_);
    segment_at_ += part;
    progress.content_sent += part;
    rest -= part;
    if (segment_at_ < length_of(content_.front())) return;
    content_.pop_front();
    segment_at_ = 0;
  }
}

bool Connection::finish_response(MonoTime now) {
  file_.reset();
  fetched_.reset();
  out_.clear();
  if (cut_short_) {
    phase_ = Phase::held;
    deadline_ = now + stalled_;
    return true;
  }
  if (!keep_alive_) {
    socket_.say_goodbye();
    phase_ = Phase::closing;
    deadline_ = now + stalled_;
    return true;
  }
  phase_ = Phase::reading;
  answered_ = now;
  deadline_ = now + (in_.empty() ? patience_.idle : patience_.request);
  // The usual case: nothing of the next request is here yet, and epoll will say when it is.
  return !in_.empty() || socket_.has_unread();
}

/// The peer waits for more, or has seen enough and goes.
void Connection::hold(Progress& progress, std::vector<char>& scratch) {
  IoResult result{IoState::done, 0};
  while (result.state == IoState::done) result = socket_.discard(scratch.data(), scratch.size());
  const bool over = result.state == IoState::closed || result.state == IoState::failed;
  progress.wait = over ? Wait::gone : Wait::readable;
}

/// What was sent may still be in the kernel: the connection stays until it has arrived, so that it can be
/// taken back (`abort`), and so that what the peer sends meanwhile does not turn the close into a reset.
void Connection::close_in_peace(Progress& progress, std::vector<char>& scratch) {
  const IoResult result = socket_.discard(scratch.data(), scratch.size());
  const bool over = result.state == IoState::closed || result.state == IoState::failed;
  progress.wait = over || !socket_.has_unsent() ? Wait::gone : Wait::readable;
}

}  // namespace metalmesh::media
