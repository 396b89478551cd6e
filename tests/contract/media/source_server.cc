#include "tests/contract/media/source_server.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace metalmesh::media::test {

SourceServer::SourceServer(std::string content) : content_(std::move(content)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ::bind(listener_, reinterpret_cast<sockaddr*>(&address), length);
  ::listen(listener_, 16);
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

SourceServer::~SourceServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

std::vector<std::string> SourceServer::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void SourceServer::replace(std::string content, std::string etag) {
  const std::lock_guard lock(mutex_);
  content_ = std::move(content);
  etag_ = std::move(etag);
}

void SourceServer::type(std::string type) {
  const std::lock_guard lock(mutex_);
  type_ = std::move(type);
}

void SourceServer::serve() {
  while (!stopping_) {
    const int client = ::accept(listener_, nullptr, nullptr);
    if (client < 0) return;
    answer(client);
    ::close(client);
  }
}

void SourceServer::answer(int client) {
  std::string head;
  std::array<char, 4096> buffer{};
  while (head.find("\r\n\r\n") == std::string::npos) {
    const auto got = ::recv(client, buffer.data(), buffer.size(), 0);
    if (got <= 0) return;
    head.append(buffer.data(), static_cast<std::size_t>(got));
  }
  std::string content;
  std::string etag;
  std::string type;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(head);
    content = content_;
    etag = etag_;
    type = type_;
  }
  std::size_t from = 0;
  const std::size_t range = head.find("Range: bytes=");
  const std::size_t if_range = head.find("If-Range: ");
  const bool current = if_range == std::string::npos || head.compare(if_range + 10, etag.size(), etag) == 0;
  if (range != std::string::npos && !ignore_ranges && current) from = std::stoull(head.substr(range + 13));
  std::string reply;
  if (status != 0) {
    reply = "HTTP/1.1 " + std::to_string(status) + " No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";
    content.clear();
  } else if (from > 0 && from >= content.size()) {
    reply = "HTTP/1.1 416 Range\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    content.clear();
  } else {
    reply = from > 0 ? "HTTP/1.1 206 Partial\r\nContent-Range: bytes " + std::to_string(from) + "-" +
                           std::to_string(content.size() - 1) + "/" + std::to_string(content.size()) + "\r\n"
                     : "HTTP/1.1 200 OK\r\n";
    reply += "ETag: " + etag + "\r\nContent-Type: " + type +
             "\r\nContent-Length: " + std::to_string(content.size() - from) + "\r\nConnection: close\r\n\r\n";
  }
  ::send(client, reply.data(), reply.size(), MSG_NOSIGNAL);
  std::size_t end = content.size();
  if (cut_after > 0) end = std::min(end, from + cut_after);
  if (stop_at > 0) end = std::min<std::size_t>(end, stop_at);
  for (std::size_t at = content.empty() ? end : from; at < end && !stopping_;) {
    const auto sent =
        ::send(client, content.data() + at, std::min<std::size_t>(65536, end - at), MSG_NOSIGNAL);
    if (sent <= 0) return;
    at += static_cast<std::size_t>(sent);
    served_ += static_cast<std::size_t>(sent);
    if (pause_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
  }
}

}  // namespace metalmesh::media::test
