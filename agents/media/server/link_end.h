// One end of the link between an agent and its media server: sends and receives frames over a connection that
// comes and goes. Both ends work alike: whatever is posted while nobody is connected is dropped, because a
// connection begins with telling everything (MediaUp, all mounts). So does a peer that takes nothing for too
// long: it is cut off.
//
// `post` and `wake` are for any thread and never block; everything else belongs to the end's own thread.
#pragma once

#include <google/protobuf/message_lite.h>
#include <poll.h>

#include <array>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "agents/media/link_frames.h"
#include "agents/media/server/file_handle.h"
#include "common/base/log.h"
#include "common/base/time.h"

namespace metalmesh::media {

class LinkEnd {
 public:
  /// `take` gets each message that arrives. `log` must outlive the end.
  LinkEnd(std::function<void(std::string_view message)> take, LogSink& log);

  void post(const google::protobuf::MessageLite& message);
  void wake();

  [[nodiscard]] bool connected() const { return static_cast<bool>(socket_); }
  /// Takes over a connection, in place of an earlier one. From here on posts are sent.
  void connect(FileHandle socket);
  /// Waits for the peer, for a post, for `listener` (unless -1), or `at_most`. True: `listener` is ready.
  bool wait(int listener, Duration at_most);
  /// Moves what can be moved, both ways. False: the connection is over, and gone.
  bool exchange();

 private:
  bool read_all();
  bool write_all();
  void disconnect();

  std::function<void(std::string_view)> take_;
  LogSink& log_;
  FileHandle wakeup_;
  FileHandle socket_;
  FrameReader arriving_;
  std::string leaving_;
  std::size_t left_ = 0;  // bytes of `leaving_` that were sent

  std::mutex mutex_;
  bool open_ = false;  // posts are kept
  std::string posted_;
};

}  // namespace metalmesh::media
