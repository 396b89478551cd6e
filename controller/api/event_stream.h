// Server-Sent Events: the event log, followed by any number (bounded) of subscribers.
//
// A numbered message is one committed LogEvent; each subscriber sees every event after its starting point
// that passes its filter, once and in order, because its position is the only state and events are read
// from the log by range. Percent and rates are not events: they are sent as unnumbered `progress` messages, at
// most one a second per deployment, and may be missed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/ports/http_exchange.h"
#include "common/ports/store.h"
#include "common/turn/outcome.h"
#include "controller/api/api_request.h"
#include "controller/api/event_filter.h"
#include "controller/api/problem.h"
#include "controller/api/sse_readers.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

class EventStreams {
 public:
  EventStreams(const RowReader& rows, const MeshState& state, SseLimits limits)
      : rows_(rows), state_(state), readers_("events", limits) {}

  /// Starts a stream: after Last-Event-ID or ?after=, else from now on. Who comes with an id that this ledger
  /// did not give out gets `reset`, then every event behind the last one that both are known to have. Refuses
  /// with 400 (malformed) or 503 (too many subscribers). The reply goes to `out`.
  std::expected<void, Problem> open(ExchangeId id, const ApiRequest& request, const Now& now, Outcome& out);
  void drained(ExchangeId id) { readers_.drained(id); }
  void closed(ExchangeId id) { readers_.closed(id); }
  void fired(std::string_view token, const StillCaller& still, const Now& now, Outcome& out);
  /// Events up to state.last_event may now be in the log.
  void committed() { newest_ = state_.last_event; }

  /// Sends what subscribers can take. Cheap when there is nothing new.
  void pump(const Now& now, Outcome& out);

  [[nodiscard]] std::size_t size() const { return readers_.size(); }

 private:
  struct Subscriber {
    EventFilter filter;
    std::uint64_t after = 0;  // everything up to here was sent or filtered out
  };
  [[nodiscard]] SseChunk next_chunk(Subscriber& subscriber) const;
  [[nodiscard]] std::map<std::string, std::string> changed_progress();

  const RowReader& rows_;
  const MeshState& state_;
  std::uint64_t newest_ = 0;
  SseReaders<Subscriber> readers_;
  std::map<std::string, std::string> progress_;  // deployment -> the last message sent for it
};

/// One numbered message; the event has its id.
std::string sse_message(const rest::LogEvent& event);

}  // namespace metalmesh::controller
