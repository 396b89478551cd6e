// The media server's event loop: epoll over the listener, a wake-up and the connections; asks MediaCore what
// to answer and carries it out. Runs on one thread; only `post` and `stop` may be called from others.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agents/media/media_core.h"
#include "agents/media/server/connection.h"
#include "agents/media/server/file_reader.h"
#include "agents/media/server/net_socket.h"
#include "common/base/log.h"
#include "common/ports/media_link.h"
#include "common/ports/sink.h"

namespace metalmesh::media {

class MediaLoop {
 public:
  /// `sink` and `log` must outlive the loop.
  MediaLoop(Listener listener, SslContext tls, std::size_t most_connections, ReaderPatience patience,
            Sink& sink, LogSink& log);
  /// Creates epoll and the wake-up; once, before `run`.
  Status prepare();
  void run();

  void post(wire::MediaCommand command);
  void stop();

 private:
  using Connections = std::map<ConnId, std::unique_ptr<Connection>>;

  void take_commands();
  void accept_readers(MonoTime now);
  void step(ConnId id, MonoTime now);
  void drop(ConnId id);
  void apply(MediaOutcome outcome, MonoTime now);
  void respond(Respond respond, MonoTime now);
  void report_tls(const std::string& peer, const std::string& detail, MonoTime now);
  void sweep(MonoTime now);
  void wait_for(Connection& connection, Connection::Wait wait);
  std::shared_ptr<FileHandle> open_base(const std::string& path);
  [[nodiscard]] int timeout_ms(MonoTime now) const;

  Listener listener_;
  SslContext tls_;
  std::size_t most_connections_;
  ReaderPatience patience_;
  Sink& sink_;
  LogSink& log_;
  FileHandle epoll_;
  FileHandle wakeup_;

  FileImages images_;
  MediaCore core_;
  Connections connections_;
  ConnId next_id_;
  std::vector<ConnId> runnable_;  // got a response: step them
  std::map<std::string, std::weak_ptr<FileHandle>> files_;
  std::map<std::string, MonoTime> tls_told_;  // peer -> last TlsRefused
  std::vector<char> scratch_;
  MonoTime next_sweep_{};
  bool accepting_ = true;

  std::mutex mutex_;
  std::vector<wire::MediaCommand> commands_;
  std::atomic<bool> ordered_ = false;  // commands_ is not empty
  std::atomic<bool> stopping_ = false;
};

}  // namespace metalmesh::media
