// A stream of the controller (SSE), its events or the change feed, followed for as long as it takes: when the connection or the
// controller goes away it comes back with backoff and resumes after the last numbered event it gave out, so
// that from then on none is missed and none is seen twice. For one thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "controller/cli/api_client.h"
#include "controller/cli/sse_parser.h"

namespace metalmesh::cli {

class EventFeed {
 public:
  /// `path` with its query, e.g. "/api/v1/events?rollout=web-r94"; `after` is an id of it or empty (from now on).
  EventFeed(const Target& target, std::string path, std::string after = {});
  ~EventFeed();
  EventFeed(const EventFeed&) = delete;
  EventFeed& operator=(const EventFeed&) = delete;

  struct Heard {
    std::vector<SseMessage> messages;
    bool connected_now = false;  // the stream came up, or came back: what is known may be stale
    std::string lost;            // why it went away, once until it is back; empty otherwise
    std::string
        begins_again;  // why it cannot go on where it was, and begins with everything; empty otherwise
  };
  /// Waits up to `patience`. An error is a refusal by the controller (denied, invalid), never a lost
  /// connection.
  Result<Heard> listen(std::chrono::milliseconds patience);
  /// It was lost, and did not come back yet.
  [[nodiscard]] bool away() const { return away_; }

 private:
  struct Transfer;
  void connect();
  Target target_;
  std::string path_;
  std::string last_id_;
  std::unique_ptr<Transfer> transfer_;
  unsigned failures_ = 0;
  bool away_ = false;
  std::chrono::steady_clock::time_point retry_at_{};
};

/// Delay before the n-th attempt in a row, n from 1. Pure.
std::chrono::milliseconds reconnect_delay(unsigned attempt);

}  // namespace metalmesh::cli
