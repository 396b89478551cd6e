// The media server's event loop: epoll over the listeners, a wake-up and the connections; asks MediaCore what
// to answer and ReadPacer who is next to be sent content, and carries it out. Runs on one thread; only `post`,
// `renew` and `stop` may be called from others.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agents/media/media_core.h"
#include "agents/media/read_pacer.h"
#include "agents/media/reader_places.h"
#include "agents/media/server/connection.h"
#include "agents/media/server/disk_pool.h"
#include "agents/media/server/file_reader.h"
#include "agents/media/server/image_file.h"
#include "agents/media/server/launched_media.h"
#include "agents/media/server/media_server.h"
#include "agents/media/server/net_socket.h"
#include "agents/media/server/open_images.h"
#include "common/base/log.h"
#include "common/ports/media_link.h"
#include "common/ports/sink.h"

namespace metalmesh::media {

class MediaLoop {
 public:
  /// All but `media` may be without a socket.
  struct Listeners {
    Listener media;
    Listener packages;
    Listener plain;
  };
  /// `sink` and `log` must outlive the loop.
  MediaLoop(Listeners listeners, SslContext tls, const MediaServerOptions& options, Sink& sink, LogSink& log);
  /// Creates epoll and the wake-up; once, before `run`.
  Status prepare();
  void run();

  void post(wire::MediaCommand command);
  /// For connections to come.
  void renew(SslContext tls);
  void stop();

 private:
  struct Reader {
    std::unique_ptr<Connection> connection;
    std::uint32_t watched = 0;  // epoll events that wake it
  };
  using Readers = std::unordered_map<ConnId, Reader>;

  void wake_up();
  void remember(MonoTime now);
  void carry_out(const wire::MediaCommand& command, MonoTime now);
  void take_commands();
  void accept_readers(MonoTime now, const Listener& listener, Door door);
  [[nodiscard]] bool watch_listeners(int operation, std::uint32_t events);
  void wake(ConnId id, std::uint32_t events, MonoTime now);
  void serve_turns(MonoTime now);
  /// Returns how much image content was sent.
  std::uint64_t step(ConnId id, MonoTime now, std::size_t most_content = 0);
  void ask(MediaRequest request, MonoTime now);
  void drop(ConnId id);
  /// Readers for whom nothing is under way; with `from_hosts` those alone that came over the listener for package trees.
  [[nodiscard]] std::vector<IdleReader> idle_readers(bool from_hosts) const;
  /// Makes room for one more reader at the cost of another one; false when all are at work.
  bool drop_idle(bool from_hosts);
  void tell_no_descriptor(MonoTime now);
  void apply(MediaOutcome outcome, MonoTime now);
  void respond(Respond respond, MonoTime now);
  void report_tls(const std::string& peer, const std::string& detail, MonoTime now);
  void sweep(MonoTime now);
  void wait_for(Reader& reader, Connection::Wait wait);
  void tick(MonoTime now);
  void take_from_disk(MonoTime now);
  [[nodiscard]] int timeout_ms(MonoTime now) const;

  Listeners listeners_;
  SslContext tls_;
  std::size_t most_connections_;
  ReaderPatience patience_;
  Sink& sink_;
  LogSink& log_;
  FileHandle epoll_;
  FileHandle wakeup_;

  std::optional<LaunchedMedia> memory_;
  FileImages images_;
  MediaCore core_;
  ReadPacer pacer_;
  Readers readers_;
  std::size_t hosts_ = 0;  // those of them that came over the listener for package trees
  ConnId next_id_;
  std::vector<ConnId> runnable_;  // got a response without content: step them
  OpenImages files_;
  std::map<std::string, MonoTime> tls_told_;  // peer -> last TlsRefused
  std::vector<char> scratch_;
  std::optional<MonoTime> no_descriptor_told_;
  MonoTime next_sweep_{};
  MonoTime next_tick_{};
  std::optional<MonoTime> core_due_;  // as of the last tick
  bool core_stirred_ = false;         // the core was asked or told something since
  bool accepting_ = true;

  std::mutex mutex_;
  std::vector<wire::MediaCommand> commands_;
  SslContext renewed_;
  std::atomic<bool> ordered_ = false;  // there is one of them
  std::atomic<bool> stopping_ = false;

  std::atomic<bool> disk_answered_ = false;
  DiskPool disk_;  // the last member: its threads may wake the loop until it is gone
};

}  // namespace metalmesh::media
