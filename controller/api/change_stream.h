// The change feed as Server-Sent Events, followed by any number (bounded) of readers.
//
// A `change` message is an object as it is by now, or that it is gone (rest::Change); its id is the reader's position.
// Whoever sleeps while an object changes five times is sent it once. A `current` message says that the reader has been
// told of everything, once per stream; a message that is nothing but an id moves a quiet reader's position along.
#pragma once

#include <cstdint>
#include <string_view>

#include "controller/api/change_page.h"
#include "controller/api/sse_readers.h"

namespace metalmesh::controller {

class ChangeStreams {
 public:
  ChangeStreams(const MeshState& state, SseLimits limits)
      : state_(state), readers_("changes", limits), teller_(state) {}

  /// Starts a stream: after Last-Event-ID or ?after=, else from now on. Refuses with 400 (malformed), 410 (list again)
  /// or 503 (too many readers). The reply goes to `out`.
  std::expected<void, Problem> open(ExchangeId id, const ApiRequest& request, const Now& now, Outcome& out);
  void drained(ExchangeId id) { readers_.drained(id); }
  void closed(ExchangeId id) { readers_.closed(id); }
  void fired(std::string_view token, const StillCaller& still, const Now& now, Outcome& out);
  /// What memory holds is durable.
  void committed() { newest_ = state_.changes.last(); }
  /// Sends readers what they can take. Cheap when there is nothing new.
  void pump(const Now& now, Outcome& out);

  [[nodiscard]] std::size_t size() const { return readers_.size(); }

 private:
  struct Reader {
    ChangeFilter filter;
    FeedPosition place;
    bool is_current = false;  // and was told so
  };
  SseChunk next_chunk(Reader& reader);

  const MeshState& state_;
  SseReaders<Reader> readers_;
  ChangeTeller teller_;
  std::uint64_t newest_ = 0;
};

}  // namespace metalmesh::controller
