// Where the agent comes in: the media process's end of the link. What the agent says goes to the media
// server, what the server reports goes to the agent, if there is one; of its going the server is told.
//
// The socket and a lock lie in the agent's data folder, so that no two media processes share one. Of two
// agents the later one counts, after everything that the earlier one had written: the store's lock says that
// the earlier one is dead.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "agents/media/server/file_handle.h"
#include "agents/media/server/link_end.h"
#include "common/base/log.h"
#include "common/base/result.h"
#include "common/ports/media_link.h"
#include "common/ports/sink.h"

namespace metalmesh::media {

inline constexpr char agent_door_name[] = "media.sock";

class AgentDoor final : public Sink {
 public:
  /// Makes the folder if it is missing. Fails with `conflict` when another process serves media for it.
  static Result<std::unique_ptr<AgentDoor>> open(const std::string& folder, LogSink& log);
  ~AgentDoor() override;
  AgentDoor(const AgentDoor&) = delete;
  AgentDoor& operator=(const AgentDoor&) = delete;

  /// Lets agents in, and greets them with the MediaUp that was delivered before. Until `close`.
  void serve(MediaLink& server);
  void close();

  void deliver(Input input) override;

 private:
  AgentDoor(FileHandle lock, FileHandle listener, LogSink& log);
  void run();
  void let_in();
  void take(std::string_view message);
  void agent_gone();

  FileHandle lock_;
  FileHandle listener_;
  LogSink& log_;
  LinkEnd link_;
  MediaLink* server_ = nullptr;
  wire::MediaEvent greeting_;
  std::atomic<bool> closing_ = false;
  std::thread thread_;
};

}  // namespace metalmesh::media
