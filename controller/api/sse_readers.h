// Who reads a stream of Server-Sent Events, a bounded number. The position that a reader has reached is the only state
// there is of it, and at most one chunk is on its way to each: a slow reader costs one chunk of memory and delays nobody.
// What is sent is the caller's; readers are served in turns, so that many who catch up do not hold the turn either.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/ports/http_exchange.h"
#include "common/turn/outcome.h"
#include "controller/api/api_request.h"
#include "controller/api/problem.h"

namespace metalmesh::controller {

/// A chunk ends with the first message beyond.
inline constexpr std::size_t sse_chunk_bytes = 32U << 10;

struct SseChunk {
  std::string bytes;
  bool more = false;  // there is more behind, which could not be looked at now
  bool last = false;  // the stream ends with it
};

/// Whether somebody is still the caller that was let in.
using StillCaller = std::function<bool(const Principal&)>;

/// Streams at a time.
struct SseLimits {
  std::size_t most = 128;
  std::size_t of_caller = 96;  // one token's name, so that nobody holds them all
};

template <class Reader>
class SseReaders {
 public:
  /// Timers start with "api/<name>/".
  SseReaders(std::string name, SseLimits limits) : name_(std::move(name)), limits_(limits) {}

  /// Refuses with 400 (a limit) or 503 (too many). The reply goes to `out`, its body begins with `hello`.
  std::expected<void, Problem> open(ExchangeId id, const ApiRequest& request, Reader reader,
                                    std::string_view hello, const Now& now, Outcome& out) {
    if (request.parameter("limit") != nullptr) {
      return refuse(400, "limit has no meaning for a stream", "limit",
                    "leave it out, or ask for application/json");
    }
    const std::string& caller = request.principal.name;
    const auto hers = static_cast<std::size_t>(std::ranges::count_if(
        places_, [&](const auto& place) { return place.second.caller.name == caller; }));
    if (places_.size() >= limits_.most || hers >= limits_.of_caller) {
      const std::string whose = hers < limits_.of_caller ? "" : " for " + caller;
      return refuse(503,
                    "there are already " + std::to_string(hers < limits_.of_caller ? limits_.most : hers) +
                        " streams of " + name_ + whose,
                    {}, "close one, or read pages: GET /api/v1/" + name_ + " with Accept: application/json");
    }
    ExchangeReply reply;
    reply.id = id;
    reply.headers = {
        {"content-type", "text/event-stream"}, {"cache-control", "no-store"}, {"x-accel-buffering", "no"}};
    reply.body = "retry: 2000\n: metalmesh " + name_ + "\n\n" + std::string(hello);
    reply.stream = true;
    out.emit(std::move(reply));
    if (places_.empty()) arm_tick(now, out);
    places_.insert_or_assign(id, Place{std::move(reader), request.principal, false, now.mono});
    return {};
  }
  void drained(ExchangeId id) {
    const auto found = places_.find(id);
    if (found != places_.end()) found->second.waiting = false;
  }
  void closed(ExchangeId id) { places_.erase(id); }
  [[nodiscard]] std::size_t size() const { return places_.size(); }

  /// Sends each reader that can take it what `next(reader)` gives, an SseChunk.
  template <class Next>
  void pump(const Now& now, Outcome& out, Next next) {
    std::vector<ExchangeId> ended;
    std::size_t bytes = 0;
    bool more = false;
    auto at = places_.upper_bound(served_);
    for (std::size_t left = places_.size(); left > 0; --left, ++at) {
      if (at == places_.end()) at = places_.begin();
      if (at->second.waiting) continue;
      if (bytes >= pump_bytes) {
        more = true;
        break;
      }
      served_ = at->first;
      SseChunk chunk = next(at->second.reader);
      bytes += chunk.bytes.size();
      more |= chunk.more && chunk.bytes.empty();  // else it follows when this chunk has drained
      if (chunk.last) ended.push_back(at->first);
      if (chunk.last || !chunk.bytes.empty()) send(at->first, at->second, std::move(chunk), now, out);
    }
    for (const ExchangeId id : ended) closed(id);
    if (more) out.emit(TimerArm{token("pump"), now.mono});
  }

  /// True when `token` is that of the second that ticks for readers, and there are some: a tick is due.
  /// Whoever is no caller any more is told so, and gone.
  [[nodiscard]] bool ticks(std::string_view fired, const StillCaller& still, const Now& now, Outcome& out) {
    if (fired != token("tick") || places_.empty()) return false;
    std::vector<ExchangeId> ended;
    for (auto& [id, place] : places_) {
      if (still(place.caller)) continue;
      send(id, place, {": this token is not good any more\n\n", false, true}, now, out);
      ended.push_back(id);
    }
    for (const ExchangeId id : ended) closed(id);
    if (!places_.empty()) arm_tick(now, out);
    return !places_.empty();
  }
  /// Sends each reader that can take it the bytes that `tell(reader, silent)` gives; `silent`: it was sent nothing for
  /// so long that it should hear something.
  template <class Tell>
  void tick(const Now& now, Outcome& out, Tell tell) {
    for (auto& [id, place] : places_) {
      if (place.waiting) continue;
      SseChunk chunk{tell(place.reader, now.mono - place.sent >= heartbeat_after)};
      if (!chunk.bytes.empty()) send(id, place, std::move(chunk), now, out);
    }
  }

 private:
  static constexpr Duration tick_every = std::chrono::seconds(1);
  static constexpr Duration heartbeat_after = std::chrono::seconds(15);
  static constexpr std::size_t pump_bytes = 512U << 10;  // made in one turn, at most about

  struct Place {
    Reader reader;
    Principal caller;
    bool waiting = false;  // a chunk is on its way
    MonoTime sent{};       // when the last bytes were handed over
  };
  [[nodiscard]] std::string token(std::string_view what) const {
    return "api/" + name_ + "/" + std::string(what);
  }
  void arm_tick(const Now& now, Outcome& out) const {
    out.emit(TimerArm{token("tick"), now.mono + tick_every});
  }
  static void send(ExchangeId id, Place& place, SseChunk chunk, const Now& now, Outcome& out) {
    place.waiting = true;
    place.sent = now.mono;
    out.emit(ExchangeChunk{id, std::move(chunk.bytes), chunk.last});
  }

  std::string name_;
  SseLimits limits_;
  std::map<ExchangeId, Place> places_;
  ExchangeId served_ = 0;  // last
};

}  // namespace metalmesh::controller
