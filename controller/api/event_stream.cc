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

constexpr std::size_t chunk_bytes = 32U << 10;  // a chunk ends with the first message beyond
constexpr std::size_t batch = 128;
constexpr std::size_t scanned_most =
    2048;  // per subscriber and pump, so that one filter cannot hold the turn
constexpr Duration tick_every = std::chrono::seconds(1);
constexpr Duration heartbeat_after = std::chrono::seconds(15);
constexpr std::string_view tick_token = "api/events/tick";
constexpr std::string_view pump_token = "api/events/pump";

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
  if (request.parameter("limit") != nullptr) {
    return refuse(400, "limit has no meaning for a stream", "limit",
                  "leave it out, or ask for application/json");
  }
  if (subscribers_.size() >= most_) {
    return refuse(503, "there are already " + std::to_string(most_) + " event streams", {},
                  "close one, or read pages: GET /api/v1/events with Accept: application/json");
  }
  Subscriber subscriber{EventFilter::of(request), start->position.after, false, now.mono};
  std::string hello = "retry: 2000\n: metalmesh events\n\n";
  if (start->position.other_ledger) hello += reset_message(*start, state_);
  ExchangeReply reply;
  reply.id = id;
  reply.headers = {
      {"content-type", "text/event-stream"}, {"cache-control", "no-store"}, {"x-accel-buffering", "no"}};
  reply.body = std::move(hello);
  reply.stream = true;
  out.emit(std::move(reply));
  if (subscribers_.empty()) out.emit(TimerArm{std::string(tick_token), now.mono + tick_every});
  subscribers_.insert_or_assign(id, std::move(subscriber));
  return {};
}

void EventStreams::drained(ExchangeId id) {
  const auto found = subscribers_.find(id);
  if (found != subscribers_.end()) found->second.waiting = false;
}

void EventStreams::closed(ExchangeId id) { subscribers_.erase(id); }

void EventStreams::fired(std::string_view token, const Now& now, Outcome& out) {
  // Every input ends in a pump, which is all that pump_token asks for.
  if (token == tick_token) tick(now, out);
}

void EventStreams::pump(const Now& now, Outcome& out) {
  bool more = false;
  for (auto& [id, subscriber] : subscribers_) {
    if (!subscriber.waiting && subscriber.after < newest_) more |= pump_one(id, subscriber, now, out);
  }
  if (more) out.emit(TimerArm{std::string(pump_token), now.mono});
}

bool EventStreams::pump_one(ExchangeId id, Subscriber& subscriber, const Now& now, Outcome& out) {
  std::string bytes;
  bool more = true;
  for (std::size_t scanned = 0; more && scanned < scanned_most && bytes.size() < chunk_bytes;
       scanned += batch) {
    auto page = read_events(rows_, subscriber.after, batch);
    if (!page) {
      // Nothing of it can be read: that is told, and it goes on with what is written from now on.
      page = EventPage{{lost_events(subscriber.after + 1, newest_, page.error().message)}, false};
      subscriber.after = newest_;
      page->events.front().set_number(newest_);
    }
    more = page->more;
    for (rest::LogEvent& event : page->events) {
      if (bytes.size() >= chunk_bytes) break;
      subscriber.after = event.number();
      event.set_id(state_.lives.id_of(event.number()));
      if (subscriber.filter.passes(event)) bytes += sse_message(event);
    }
  }
  if (bytes.empty()) return more;
  subscriber.waiting = true;
  subscriber.sent = now.mono;
  out.emit(ExchangeChunk{id, std::move(bytes), false});
  return false;  // the rest follows when this chunk has drained
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

void EventStreams::tick(const Now& now, Outcome& out) {
  if (subscribers_.empty()) {
    progress_.clear();
    return;
  }
  out.emit(TimerArm{std::string(tick_token), now.mono + tick_every});
  const auto changed = changed_progress();
  for (auto& [id, subscriber] : subscribers_) {
    if (subscriber.waiting) continue;
    std::string bytes;
    for (const auto& [deployment, message] : changed) {
      if (bytes.size() >= chunk_bytes) break;
      if (subscriber.filter.passes(state_.deployments.at(deployment))) bytes += message;
    }
    if (bytes.empty() && now.mono - subscriber.sent >= heartbeat_after) bytes = ": alive\n\n";
    if (bytes.empty()) continue;
    subscriber.waiting = true;
    subscriber.sent = now.mono;
    out.emit(ExchangeChunk{id, std::move(bytes), false});
  }
}

}  // namespace metalmesh::controller
