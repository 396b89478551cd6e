// An image source that misbehaves on demand: a plain HTTP server of a few lines, one connection at a time,
// written apart from our own server so that both do not share a misunderstanding.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace metalmesh::media::test {

class SourceServer {
 public:
  explicit SourceServer(std::string content);
  ~SourceServer();
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/image.iso"; }
  /// Raw heads of all requests so far.
  [[nodiscard]] std::vector<std::string> requests();

  std::atomic<std::size_t> cut_after = 0;  // bytes of a body after which the connection is closed; 0: never
  std::atomic<std::size_t> stop_at = 0;    // place in the content that never leaves; 0: none
  std::atomic<bool> ignore_ranges = false;
  std::atomic<int> status = 0;    // answer this and no content
  std::atomic<int> pause_ms = 0;  // after each 64 KiB
  void replace(std::string content, std::string etag);
  /// Content-Type from now on.
  void type(std::string type);
  /// Bytes of bodies that left.
  [[nodiscard]] std::size_t served() const { return served_; }

 private:
  void serve();
  void answer(int client);

  std::mutex mutex_;
  std::string content_;
  std::string etag_ = "\"one\"";
  std::string type_ = "application/octet-stream";
  std::vector<std::string> requests_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<std::size_t> served_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace metalmesh::media::test
