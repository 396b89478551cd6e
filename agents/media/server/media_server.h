// Serves virtual ISOs to BMCs over HTTPS (or HTTP where a site must): a thread with its own epoll loop.
//
// It takes MediaCommands and gives MediaEvents, nothing else; in the media process an AgentDoor is between it
// and the agent. After a start it knows what was launched and nothing else, and with a silent agent no fence
// opens. `send` is safe from any thread and never blocks; events reach the sink from the server's thread.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "agents/media/server/connection.h"
#include "common/base/log.h"
#include "common/base/result.h"
#include "common/ports/media_link.h"
#include "common/ports/sink.h"

namespace metalmesh::media {

class MediaLoop;

struct MediaServerOptions {
  std::string listen = "0.0.0.0:8443";  // host:port, [v6]:port or :port; port 0 picks one
  bool tls = true;
  std::string certificate;  // PEM chain, with tls
  std::string key;          // PEM, with tls
  std::size_t connections = 4096;
  std::uint64_t bandwidth = 0;  // bytes per second to all readers together; 0: no limit
  ReaderPatience patience;
  std::string packages_listen;  // package trees over plain HTTP, and nothing else; empty: not there
  std::string plain_listen;     // media that were ordered without TLS, and nothing else; empty: not there
  std::string memory;  // the agent's data folder, where launched media are; empty: nothing is remembered
};

class MediaServer final : public MediaLink {
 public:
  /// Listens, delivers MediaUp and serves until destroyed. `sink` and `log` must outlive the server.
  static Result<std::unique_ptr<MediaServer>> start(const MediaServerOptions& options, Sink& sink,
                                                    LogSink& log);
  ~MediaServer() override;
  MediaServer(const MediaServer&) = delete;
  MediaServer& operator=(const MediaServer&) = delete;

  void send(MediaSend message) override;
  /// Reads certificate and key again, for connections to come. Kind invalid: they stay as they are.
  Status read_certificate_again();
  /// host:port that it listens on, with the real port.
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  MediaServer(const MediaServerOptions& options, std::unique_ptr<MediaLoop> loop, std::string address);

  const MediaServerOptions options_;
  std::unique_ptr<MediaLoop> loop_;
  std::string address_;
  std::thread thread_;
};

}  // namespace metalmesh::media
