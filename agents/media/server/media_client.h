// The agent's end of the link to its media process. It connects, and connects again whenever the link breaks;
// the process's greeting (MediaUp) makes the core send all mounts. Orders that are sent meanwhile are
// dropped: the core tells everything after the greeting. What is launched it puts down for a media process
// that is started while there is no agent (launched_media.h), and takes away what is over, whether anybody is
// connected or not. `send` never waits for the process; calls of it must not overlap. Events reach the sink
// from the client's thread.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "agents/media/launch_keeper.h"
#include "agents/media/server/launched_media.h"
#include "agents/media/server/link_end.h"
#include "common/base/log.h"
#include "common/ports/media_link.h"
#include "common/ports/sink.h"

namespace metalmesh::media {

class MediaClient final : public MediaLink {
 public:
  /// `folder` is the agent's data folder. `sink` and `log` must outlive the client.
  MediaClient(std::string folder, Sink& sink, LogSink& log);
  ~MediaClient() override;
  MediaClient(const MediaClient&) = delete;
  MediaClient& operator=(const MediaClient&) = delete;

  void send(MediaSend message) override;

 private:
  void remember(const wire::MediaCommand& command);
  void run();
  void try_to_connect();
  void take(std::string_view message);

  std::string folder_;
  Sink& sink_;
  LogSink& log_;
  LaunchedMedia launched_;
  LaunchKeeper keeper_;
  LinkEnd link_;
  unsigned attempts_ = 0;  // in vain, since the last connection
  bool greeted_ = false;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace metalmesh::media
