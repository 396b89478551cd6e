// The callers of one mount: installed systems that say that they are up, and wait until the agent has taken
// it. What was taken is not told again before the next Mount command. Pure.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agents/media/media_exchange.h"
#include "common/base/time.h"

namespace metalmesh::media {

class CallbackLine {
 public:
  [[nodiscard]] bool taken() const { return taken_; }
  [[nodiscard]] std::size_t waiting() const { return callers_.size(); }
  [[nodiscard]] std::optional<MonoTime> due() const {
    return callers_.empty() ? std::nullopt : std::optional(callers_.front().until);
  }

  /// True: the agent is to be asked; false: it has been.
  bool join(MediaRequest request, MonoTime until) {
    callers_.push_back({std::move(request), until});
    return !std::exchange(asked_, true);
  }
  /// The agent took the call: all that wait are to be told so. Nobody, if it was not asked.
  std::vector<MediaRequest> take() {
    if (!asked_) return {};
    taken_ = true;
    return give_up();
  }
  /// Those that wait are to be asked to call again, and the agent anew.
  std::vector<MediaRequest> give_up() {
    asked_ = false;
    std::vector<MediaRequest> requests;
    for (Caller& caller : std::exchange(callers_, {})) requests.push_back(std::move(caller.request));
    return requests;
  }
  /// The mount was ordered again: the agent may have lost what it took.
  void reopen() { taken_ = false; }
  void leave(ConnId conn) {
    std::erase_if(callers_, [&](const Caller& caller) { return caller.request.conn == conn; });
  }

 private:
  struct Caller {
    MediaRequest request;
    MonoTime until;
  };
  bool asked_ = false;
  bool taken_ = false;
  std::vector<Caller> callers_;
};

}  // namespace metalmesh::media
