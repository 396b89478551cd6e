#include "agents/media/server/connection.h"

#include <unistd.h>

#include <cerrno>

namespace metalmesh::media {
namespace {

constexpr std::size_t most_body_bytes = 4096;
constexpr int most_chunks_per_step = 4;  // then others get their turn

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
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

Connection::Connection(ConnId id, NetSocket socket, std::string peer, ReaderPatience patience, MonoTime now)
    : id_(id),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      patience_(patience),
      deadline_(now + patience.handshake) {}

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

Connection::Progress Connection::step(MonoTime now, std::vector<char>& scratch,
                                      const std::function<bool()>& may_continue) {
  Progress progress;
  if (phase_ == Phase::handshake && !shake_hands(progress, now)) return progress;
  if (phase_ == Phase::sending &&
      !(send_text(progress, now) && send_content(progress, now, scratch, may_continue) &&
        finish_response(progress, now))) {
    return progress;
  }
  if (phase_ == Phase::reading) read_request(progress, now, scratch);
  if (phase_ == Phase::waiting) progress.wait = Wait::verdict;
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
  deadline_ = now + patience_.idle;
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
  from_core_ = false;
}

void Connection::respond(Respond respond, std::shared_ptr<FileHandle> file, MonoTime now) {
  out_ = "HTTP/1.1 " + std::to_string(respond.status) + " " + std::string(reason_of(respond.status)) + "\r\n";
  for (const auto& [name, value] : respond.headers) out_ += name + ": " + value + "\r\n";
  if (respond.status != 204) out_ += "Content-Length: " + std::to_string(respond.content_length) + "\r\n";
  out_ += keep_alive_ ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  out_ += respond.text;
  out_at_ = 0;
  file_ = std::move(file);
  content_.assign(std::make_move_iterator(respond.segments.begin()),
                  std::make_move_iterator(respond.segments.end()));
  segment_at_ = 0;
  phase_ = Phase::sending;
  from_core_ = true;
  deadline_ = now + patience_.stalled;
}

bool Connection::send_text(Progress& progress, MonoTime now) {
  while (out_at_ < out_.size()) {
    const IoResult result = socket_.write(out_.data() + out_at_, out_.size() - out_at_);
    if (blocked(result, progress)) return false;
    out_at_ += result.bytes;
    deadline_ = now + patience_.stalled;
  }
  return true;
}

bool Connection::send_content(Progress& progress, MonoTime now, std::vector<char>& scratch,
                              const std::function<bool()>& may_continue) {
  for (int chunks = 0; !content_.empty();) {
    if (chunks++ == most_chunks_per_step) {
      progress.wait = Wait::writable;
      return false;
    }
    if (!may_continue()) {
      socket_.drop_unsent();
      progress.wait = Wait::gone;
      return false;
    }
    const Segment& segment = content_.front();
    const std::uint64_t left = length_of(segment) - segment_at_;
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(left, scratch.size()));
    const auto* base = std::get_if<ByteRange>(&segment);
    std::size_t sent = 0;
    IoResult result{IoState::done, 0};
    if (base != nullptr && !socket_.tls()) {
      result = socket_.send_file(file_->get(), base->offset + segment_at_, length);
      sent = result.bytes;
    } else {
      const char* bytes = nullptr;
      if (base != nullptr) {
        const auto got =
            ::pread(file_->get(), scratch.data(), length, static_cast<off_t>(base->offset + segment_at_));
        if (got != static_cast<ssize_t>(length)) {
          progress.error =
              got < 0 ? std::error_code(errno, std::generic_category()).message() : "file is too short";
          socket_.drop_unsent();
          progress.wait = Wait::gone;
          return false;
        }
        bytes = scratch.data();
      } else {
        bytes = std::get<std::string>(segment).data() + segment_at_;
      }
      while (sent < length && (result = socket_.write(bytes + sent, length - sent)).state == IoState::done) {
        sent += result.bytes;
      }
    }
    segment_at_ += sent;
    progress.content_sent += sent;
    if (sent > 0) deadline_ = now + patience_.stalled;
    if (segment_at_ == length_of(segment)) {
      content_.pop_front();
      segment_at_ = 0;
    }
    if (blocked(result, progress)) return false;
  }
  return true;
}

bool Connection::finish_response(Progress& progress, MonoTime now) {
  progress.response_done = from_core_;
  file_.reset();
  out_.clear();
  if (!keep_alive_) {
    socket_.say_goodbye();
    progress.wait = Wait::gone;
    return false;
  }
  phase_ = Phase::reading;
  deadline_ = now + (in_.empty() ? patience_.idle : patience_.request);
  return true;
}

}  // namespace metalmesh::media
