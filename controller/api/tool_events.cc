#include "controller/api/tool_events.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/ports/wire_time.h"
#include "controller/api/event_filter.h"
#include "controller/api/tool_caller.h"
#include "controller/state/event_log.h"
#include "controller/state/rollout_states.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t messages_most = 256;  // of a batch, at most about; the bus holds many times that
constexpr std::size_t looks_most = 4096;    // at what a tool may see, in one turn
constexpr std::size_t page = 64;
constexpr std::string_view echo_timer = "tools/echo";
constexpr std::string_view again_timer = "tools/again";
constexpr std::string_view begin_word = "begin";
constexpr std::string_view end_word = "end";

std::uint64_t a_little_before(std::uint64_t newest) {
  return newest - std::min(newest, ToolEvents::told_again_after_start);
}

std::vector<Principal> tools_of(const MeshState& state) {
  std::vector<Principal> tools;
  const std::string first(tool_topics::tool_prefix);
  for (auto at = state.users.lower_bound(first); at != state.users.end() && at->first.starts_with(first);
       ++at) {
    if (auto tool = tool_caller(at->second)) tools.push_back(std::move(*tool));
  }
  return tools;
}

ChangeFilter rollouts_for(const Principal& who) {
  ApiRequest all;
  all.query["kind"] = "Rollout";
  all.principal = who;
  return ChangeFilter::of(all).value();
}

}  // namespace

ToolEvents::ToolEvents(const RowReader& rows, const MeshState& state)
    : rows_(rows), state_(state), teller_(state) {
  committed();
  confirmed_.event = a_little_before(newest_event_);
  confirmed_.change = a_little_before(newest_change_);
  told_ = confirmed_;
}

void ToolEvents::committed() {
  newest_event_ = state_.last_event;
  newest_change_ = state_.changes.last();
}

bool ToolEvents::echoed(const MessageArrived& message, Outcome& out) {
  std::string_view word = message.topic;
  if (!word.starts_with(tool_topics::echo)) return false;
  if (!waiting_) return true;
  if (message.topic == mark(begin_word).topic) begun_ = true;
  if (message.topic != mark(end_word).topic || !begun_) return true;
  out.emit(TimerDisarm{std::string(echo_timer)});
  confirmed_ = told_;
  waiting_ = false;
  carries_ = true;
  return true;
}

void ToolEvents::fired(std::string_view token) {
  if (token == echo_timer && waiting_) {
    told_ = confirmed_;
    waiting_ = false;
    carries_ = false;
  }
  if (token != again_timer) return;
  ticks_ = false;
  for (const auto& [name, rollout] : state_.rollouts) {
    if (state_of(rollout) != RolloutState::done) told_.again.insert(name);
  }
  // Of a batch that is under way it is to be said again whether that arrives or not.
  confirmed_.again = told_.again;
}

bool ToolEvents::has_more() const {
  return told_.event < newest_event_ || told_.change < newest_change_ || !told_.again.empty();
}

void ToolEvents::pump(const Now& now, Outcome& out) {
  if (waiting_ || !has_more()) return;
  const std::vector<Principal> tools = tools_of(state_);
  if (tools.empty()) {
    told_ = Place{newest_event_, newest_change_, {}, {}};
    confirmed_ = told_;
    return;
  }
  std::vector<Publish> batch;
  if (carries_) {  // else it is asked first whether anything arrives
    say_events(tools, batch);
    say_changes(tools, batch);
    say_again(tools, batch);
    teller_.end_turn();
    if (batch.empty()) {  // of all that, nothing was for anybody
      confirmed_ = told_;
      if (has_more()) out.emit(TimerArm{std::string(echo_timer), now.mono});
      return;
    }
  }
  ++batch_;
  waiting_ = true;
  begun_ = false;
  out.emit(mark(begin_word));
  for (Publish& one : batch) out.emit(std::move(one));
  out.emit(mark(end_word));
  out.emit(TimerArm{std::string(echo_timer), now.mono + echo_within});
  if (std::exchange(ticks_, true)) return;
  out.emit(TimerArm{std::string(again_timer), now.mono + again_every});
}

void ToolEvents::say_events(const std::vector<Principal>& tools, std::vector<Publish>& batch) {
  std::size_t looks = 0;
  while (told_.event < newest_event_ && batch.size() < messages_most && looks < looks_most) {
    auto events = read_events(rows_, told_.event, page);
    if (!events) {
      // Nothing of it can be read: that is told, and it goes on with what is written from now on.
      events = EventPage{{lost_events(told_.event + 1, newest_event_, events.error().message)}, false};
      events->events.front().set_number(newest_event_);
    }
    if (events->events.empty()) {
      told_.event = newest_event_;
      return;
    }
    for (rest::LogEvent& event : events->events) {
      if (event.number() > newest_event_ || batch.size() >= messages_most || looks >= looks_most) return;
      told_.event = event.number();
      event.set_id(state_.lives.id_of(event.number()));
      std::optional<CloudEvent> told;
      for (const Principal& tool : tools) {
        ++looks;
        EventFilter filter;
        filter.who = tool;
        if (!filter.passes(event, state_)) continue;
        if (!told) told = CloudEvent::of(event);
        std::string& previous = told_.previous[tool.name];
        batch.push_back(told->to(tool.name, previous));
        previous = told->id();
      }
    }
  }
}

void ToolEvents::say_changes(const std::vector<Principal>& tools, std::vector<Publish>& batch) {
  // Deletes before the floor are forgotten: all that is there by now is told.
  if (told_.change < state_.changes.floor()) told_.change = 0;
  for (std::size_t looks = 0; batch.size() < messages_most && looks < looks_most; ++looks) {
    const auto change = state_.changes.behind(told_.change);
    if (!change || change->number > newest_change_) {
      told_.change = std::max(told_.change, newest_change_);
      return;
    }
    told_.change = change->number;
    if (change->object->kind != ChangeKind::rollout) continue;
    told_.again.erase(change->object->name);
    looks += tools.size();
    say_rollout(tools, change->number, batch);
  }
}

void ToolEvents::say_again(const std::vector<Principal>& tools, std::vector<Publish>& batch) {
  while (!told_.again.empty() && batch.size() < messages_most) {
    const auto rollout = state_.rollouts.find(told_.again.extract(told_.again.begin()).value());
    if (rollout == state_.rollouts.end()) continue;
    const std::uint64_t number = rollout->second.metadata().feed();
    if (number != 0 && number <= told_.change) say_rollout(tools, number, batch);
  }
}

void ToolEvents::say_rollout(const std::vector<Principal>& tools, std::uint64_t number,
                             std::vector<Publish>& batch) {
  const auto change = state_.changes.behind(number - 1);
  if (!change || change->number != number) return;  // it has changed since: that comes with its own number
  const std::string& name = change->object->name;
  const auto rollout = state_.rollouts.find(name);
  const bool there = !change->deleted && rollout != state_.rollouts.end();
  for (const Principal& tool : tools) {
    FeedPosition place{number - 1, 0};
    const auto line = teller_.next(place, number, rollouts_for(tool));
    if (!line || line->json.empty()) continue;
    const bool gone = !there || !sees(tool, state_, rollout->second);
    const WallTime at = there && rollout->second.metadata().has_changed()
                            ? from_wire(rollout->second.metadata().changed())
                            : WallTime();
    batch.push_back(CloudEvent::of_rollout(name, place.text(state_), gone, at, line->json).to(tool.name, {}));
  }
}

Publish ToolEvents::mark(std::string_view end) const {
  return {std::string(tool_topics::echo) + std::string(end) + "-" + std::to_string(batch_), {}};
}

}  // namespace metalmesh::controller
