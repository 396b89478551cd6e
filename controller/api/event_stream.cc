#include "controller/api/event_stream.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "common/text/letters.h"
#include "controller/api/json_encode.h"
#include "controller/api/paging.h"
#include "controller/state/deployment_states.h"
#include "controller/state/event_log.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t batch = 128;
constexpr std::size_t scanned_most =
    2048;  // per subscriber and pump, so that one filter cannot hold the turn

/// The type becomes a line of its own: nothing in it may end that line.
bool is_event_name(std::string_view type) {
  return !type.empty() && std::ranges::all_of(type, [](char c) {
    return is_lower(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
  });
}

std::string progress_message(const rest::Deployment& deployment) {
  boost::json::object body;
  body["deployment"] = deployment.id();
  body["rollout"] = deployment.rollout();
  body["server"] = deployment.server();
  body["site"] = deployment.site();
  body["stage"] = wire::Stage_Name(deployment.stage());
  body["percent"] = deployment.percent();
  body["bytesRead"] = std::to_string(deployment.bytes_read());
  body["bytesPerSecond"] = std::to_string(deployment.bytes_per_second());
  body["packageBytes"] = std::to_string(deployment.package_bytes());
  if (deployment.has_eta()) {
    body["eta"] = google::protobuf::util::TimeUtil::ToString(deployment.eta());
    body["etaFrom"] = deployment.eta_from();
  }
  return "event: progress\ndata: " + boost::json::serialize(body) + "\n\n";
}

struct StartingPoint {
  std::string asked;  // empty: from now on
  LedgerLives::Position position;
};

/// Last-Event-ID wins over ?after=: it is what a reconnecting client adds to the URL it was given.
std::expected<StartingPoint, Problem> starting_point(const ApiRequest& request, const MeshState& state) {
  const std::string* header = request.header("last-event-id");
  const std::string* text = header != nullptr ? header : request.parameter("after");
  if (text == nullptr) return StartingPoint{{}, {state.last_event, false}};
  const auto position = seen_position(*text, header != nullptr ? "Last-Event-ID" : "after", state);
  if (!position) return std::unexpected(position.error());
  return StartingPoint{*text, *position};
}

/// It moves the client's own notion of the last id along: whoever loses the connection now comes back with
/// it.
std::string reset_message(const StartingPoint& start, const MeshState& state) {
  boost::json::object body;
  body["asked"] = start.asked;
  body["resumesAfter"] = state.lives.id_of(start.position.after);
  body["last"] = state.lives.id_of(state.last_event);
  return "id: " + state.lives.id_of(start.position.after) +
         "\nevent: reset\ndata: " + boost::json::serialize(body) + "\n\n";
}

}  // namespace

std::string sse_message(const rest::LogEvent& event) {
  std::string out = "id: " + event.id() + "\n";
  if (is_event_name(event.type())) out += "event: " + event.type() + "\n";
  return out + "data: " + encode_json(event) + "\n\n";
}

std::expected<void, Problem> EventStreams::open(ExchangeId id, const ApiRequest& request, const Now& now,
                                                Outcome& out) {
  const auto start = starting_point(request, state_);
  if (!start) return std::unexpected(start.error());
  return readers_.open(id, request, Subscriber{EventFilter::of(request), start->position.after},
                       start->position.other_ledger ? reset_message(*start, state_) : std::string(), now,
                       out);
}

void EventStreams::fired(std::string_view token, const StillCaller& still, const Now& now, Outcome& out) {
  if (readers_.size() == 0) progress_.clear();
  if (!readers_.ticks(token, still, now, out)) return;
  const auto changed = changed_progress();
  readers_.tick(now, out, [&](const Subscriber& subscriber, bool silent) {
    std::string bytes;
    for (const auto& [deployment, message] : changed) {
      if (bytes.size() >= sse_chunk_bytes) break;
      if (subscriber.filter.passes(state_.deployments.at(deployment), state_)) bytes += message;
    }
    return bytes.empty() && silent ? std::string(": alive\n\n") : bytes;
  });
}

void EventStreams::pump(const Now& now, Outcome& out) {
  readers_.pump(now, out, [this](Subscriber& subscriber) {
    return subscriber.after < newest_ ? next_chunk(subscriber) : SseChunk();
  });
}

SseChunk EventStreams::next_chunk(Subscriber& subscriber) const {
  SseChunk chunk;
  std::string& bytes = chunk.bytes;
  chunk.more = true;
  for (std::size_t scanned = 0; chunk.more && scanned < scanned_most && bytes.size() < sse_chunk_bytes;
       scanned += batch) {
    auto page = read_events(rows_, subscriber.after, batch);
    if (!page) {
      // Nothing of it can be read: that is told, and it goes on with what is written from now on.
      page = EventPage{{lost_events(subscriber.after + 1, newest_, page.error().message)}, false};
      subscriber.after = newest_;
      page->events.front().set_number(newest_);
    }
    chunk.more = page->more;
    for (rest::LogEvent& event : page->events) {
      if (bytes.size() >= sse_chunk_bytes) break;
      subscriber.after = event.number();
      event.set_id(state_.lives.id_of(event.number()));
      if (subscriber.filter.passes(event, state_)) bytes += sse_message(event);
    }
  }
  return chunk;
}

std::map<std::string, std::string> EventStreams::changed_progress() {
  std::map<std::string, std::string> changed;
  std::map<std::string, std::string> now_running;
  for (const auto& [id, deployment] : state_.deployments) {
    if (!is_in_flight(deployment.state())) continue;
    std::string message = progress_message(deployment);
    const auto before = progress_.find(id);
    if (before == progress_.end() || before->second != message) changed.emplace(id, message);
    now_running.emplace(id, std::move(message));
  }
  progress_ = std::move(now_running);
  return changed;
}

}  // namespace metalmesh::controller
