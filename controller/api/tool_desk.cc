#include "controller/api/tool_desk.h"

#include <algorithm>
#include <utility>

#include "common/base/command_words.h"
#include "common/ports/wire_time.h"
#include "controller/api/rights.h"
#include "controller/api/routes.h"
#include "controller/api/tool_caller.h"
#include "controller/core/field_rules.h"
#include "controller/state/rollout_states.h"

namespace metalmesh::controller {
namespace {

constexpr Duration deadline_default = std::chrono::minutes(5);
constexpr std::size_t at_once = 16;  // under way, of one tool
/// Instead of a token's id, in what is told of what she did.
constexpr char by_broker[] = "broker";
/// In a key of the API no blank can be.
constexpr std::string_view key_mark = "/mqtt ";
/// What a kept answer has for a kind when the request was rejected; its name is the code.
constexpr std::string_view rejected_kind = "Rejected";

std::string key_of(const tool_topics::Asked& asked) {
  return asked.user + std::string(key_mark) + asked.token;
}

std::optional<tool_topics::Asked> asked_of(std::string_view key) {
  const std::size_t mark = key.find(key_mark);
  if (mark == std::string_view::npos) return std::nullopt;
  return tool_topics::Asked{std::string(key.substr(0, mark)),
                            std::string(key.substr(mark + key_mark.size()))};
}

const Route& route_to(Endpoint endpoint) { return *std::ranges::find(routes(), endpoint, &Route::endpoint); }

bool is_done(const rest::Rollout& rollout) { return state_of(rollout) == RolloutState::done; }

bool only_plans(const rest::ToolRequest& request) { return request.do_() == "plan" || !request.has_expect(); }

bool is_late(const rest::ToolRequest& request, MonoTime until, const Now& now) {
  return request.has_deadline() ? now.wall_high > from_wire(request.deadline()) : now.mono > until;
}

rest::ToolRejected expired() {
  return tool_rejected(tool_codes::expired, "its deadline has passed, and nothing was begun since",
                       "ask again by another token, with a later deadline", "deadline");
}

}  // namespace

void ToolDesk::started() {
  for (const auto& [key, answer] : core_.answers()) {
    if (!answer.created() || !asked_of(key)) continue;
    const auto rollout = core_.state().rollouts.find(answer.name());
    if (rollout != core_.state().rollouts.end() && !is_done(rollout->second))
      started_[answer.name()].insert(key);
  }
}

void ToolDesk::take(const MessageArrived& message, const Now& now, Outcome& out) {
  const auto asked = tool_topics::asked_at(message.topic);
  if (!asked) return;
  const auto who = tool_caller(core_.state(), asked->user);
  // Names that nobody has share one pace: they may be invented.
  switch (pace_.judge(who ? asked->user : std::string(), now.mono)) {
    case ToolPace::Verdict::drop:
      return;
    case ToolPace::Verdict::tell:
      out.log(LogLevel::warning, "a tool asks too often and is not listened to for now",
              {{"user", asked->user}});
      return say_no(*asked,
                    tool_rejected(tool_codes::too_many, "too many requests: what comes is not looked at",
                                  "ask again by another token in a minute, and more rarely"),
                    out);
    case ToolPace::Verdict::listen:
      break;
  }
  if (asked->retained)
    return say_no(
        *asked,
        tool_rejected(tool_codes::retained, "a broker had kept this request: nobody knows when it was made",
                      "ask without the retain flag"),
        out);
  if (!who)
    return say_no(
        *asked,
        tool_rejected("forbidden", asked->user.substr(0, 80) + " is no tool of this mesh, or is disabled",
                      "an admin makes one, whose name begins with tool-: metalmesh user create "
                      "tool-NAME --role operator"),
        out);
  auto request = read_tool_request(*asked, message.payload);
  if (!request) return say_no(*asked, request.error(), out);
  begin(*asked, std::move(*request), now, out);
}

void ToolDesk::begin(const tool_topics::Asked& asked, rest::ToolRequest request, const Now& now,
                     Outcome& out) {
  const std::string digest = tool_request_digest(request);
  const rest::ToolRejected other = tool_rejected(
      tool_codes::token_used, "this token was used for another request", "use a new token for a new request");
  if (const auto before = core_.answers().find(key_of(asked)); before != core_.answers().end()) {
    if (before->second.request_sha256() != digest) return say_no(asked, other, out);
    return answer_again(asked, before->second, out);
  }
  std::size_t of_this_tool = 0;
  for (auto& [number, one] : under_way_) {
    if (one.asked.user != asked.user) continue;
    ++of_this_tool;
    if (one.asked.token != asked.token) continue;
    if (one.digest != digest) return say_no(asked, other, out);
    one.repeated = true;
    return;
  }
  UnderWay fresh{asked, std::move(request), digest, now.mono + deadline_default};
  if (is_late(fresh.request, fresh.until, now)) return say_no(asked, expired(), out);
  if (of_this_tool >= at_once)
    return say_no(asked,
                  tool_rejected(tool_codes::too_many, "16 requests of this tool are under way",
                                "ask again once one of them was answered"),
                  out);
  if (!fresh.request.rollout().has_spec()) fresh.step = Step::plan;
  go_on(fresh, now, out);
}

OperatorResult ToolDesk::act(const UnderWay& one, const Now& now, Outcome& out) {
  const auto who = tool_caller(core_.state(), one.asked.user);
  if (!who)
    return std::unexpected(rules::refusal(ErrorKind::denied, "", one.asked.user + " is a tool no more"));
  const rest::Rollout& rollout = one.request.rollout();
  const std::string& name = rollout.metadata().name();
  OperatorRequest request{.actor = who->name, .idempotency_key = {}, .body = PlanRollout{name}};
  request.token = by_broker;
  Endpoint endpoint = Endpoint::plan_rollout;
  if (one.step == Step::apply) {
    request.body = Apply{Object(rollout), std::nullopt};
  } else if (one.step == Step::start) {
    endpoint = Endpoint::start_rollout;
    const auto planned = core_.state().rollouts.find(name);
    std::string digest = one.request.expect().digest();
    if (digest.empty() && planned != core_.state().rollouts.end())
      digest = planned->second.status().plan().digest();
    request.body = StartRollout{name, digest, one.request.expect().servers()};
  }
  if (auto no = route_refused(*who, route_to(endpoint))) return std::unexpected(std::move(*no));
  if (auto no = request_refused(*who, request, core_.state())) return std::unexpected(std::move(*no));
  return core_.operate(request, now, out);
}

void ToolDesk::go_on(UnderWay& one, const Now& now, Outcome& out) {
  while (true) {
    if (one.step == Step::done || (one.step == Step::start && only_plans(one.request)))
      return accept(one, now, out);
    if (is_late(one.request, one.until, now)) return reject(one, expired(), now, out);
    const auto result = act(one, now, out);
    if (!result)
      return reject(one, tool_rejected(result.error(), one.request.rollout().metadata().name()), now, out);
    if (result->later != 0) {
      under_way_.emplace(result->later, std::move(one));
      return;
    }
    one.step = static_cast<Step>(std::to_underlying(one.step) + 1);
  }
}

void ToolDesk::answered(std::uint64_t number, const OperatorResult& result, const Now& now, Outcome& out) {
  while (true) {
    auto found = under_way_.extract(number);
    if (found.empty()) return;
    UnderWay one = std::move(found.mapped());
    if (!result) {
      reject(one, tool_rejected(result.error(), one.request.rollout().metadata().name()), now, out);
    } else if (result->later != 0) {  // its turn came, and it takes several
      under_way_.emplace(result->later, std::move(one));
    } else {
      one.step = static_cast<Step>(std::to_underlying(one.step) + 1);
      go_on(one, now, out);
    }
  }
}

void ToolDesk::accept(const UnderWay& one, const Now& now, Outcome& out) {
  const std::string& name = one.request.rollout().metadata().name();
  const auto rollout = core_.state().rollouts.find(name);
  if (rollout == core_.state().rollouts.end())  // deleted between its plan and now
    return reject(one,
                  tool_rejected("not-found", "rollout " + name + " was deleted meanwhile",
                                "ask again by another token, with its spec"),
                  now, out);
  const bool is_started = one.step == Step::done;
  record::IdempotentAnswer kept;
  kept.set_request_sha256(one.digest);
  kept.set_kind(std::string(Kind<rest::Rollout>::word));
  kept.set_name(name);
  kept.set_version(rollout->second.metadata().version());
  kept.set_created(is_started);
  core_.keep_answer(key_of(one.asked), std::move(kept), now, out);
  if (is_started) started_[name].insert(key_of(one.asked));
  rest::ToolAccepted accepted = tool_accepted(rollout->second);
  out.log(
      LogLevel::info, "tool request",
      {{"user", one.asked.user}, {"token", one.asked.token}, {"rollout", name}, {"state", accepted.state()}});
  out.emit(tool_answer(one.asked, accepted));
  if (!one.repeated) return;
  accepted.set_duplicate(true);
  out.emit(tool_answer(one.asked, accepted));
}

void ToolDesk::reject(const UnderWay& one, const rest::ToolRejected& rejected, const Now& now, Outcome& out) {
  // A repetition must not start later what its tool believes to be rejected.
  record::IdempotentAnswer kept;
  kept.set_request_sha256(one.digest);
  kept.set_kind(std::string(rejected_kind));
  kept.set_name(rejected.code());
  core_.keep_answer(key_of(one.asked), std::move(kept), now, out);
  say_no(one.asked, rejected, out);
  if (!one.repeated) return;
  rest::ToolRejected again = rejected;
  again.set_duplicate(true);
  out.emit(tool_answer(one.asked, again));
}

void ToolDesk::answer_again(const tool_topics::Asked& asked, const record::IdempotentAnswer& before,
                            Outcome& out) {
  const auto rollout = core_.state().rollouts.find(before.name());
  if (before.kind() == rejected_kind || rollout == core_.state().rollouts.end()) {
    rest::ToolRejected no =
        before.kind() == rejected_kind
            ? tool_rejected(
                  before.name(), "it was rejected when it was asked first",
                  "the controller's audit log says why: metalmesh events --type audit; ask again by "
                  "another token")
            : tool_rejected("not-found",
                            "it was carried out, and rollout " + before.name() + " has been deleted since",
                            "use a new token to make it again");
    no.set_duplicate(true);
    return out.emit(tool_answer(asked, no));
  }
  rest::ToolAccepted accepted = tool_accepted(rollout->second);
  accepted.set_duplicate(true);
  out.emit(tool_answer(asked, accepted));
  if (before.created() && is_done(rollout->second))
    out.emit(tool_answer(asked, tool_result(core_.state(), rollout->second)));
}

void ToolDesk::look_for_ends(Outcome& out) {
  std::erase_if(started_, [&](const auto& one) {
    const auto& [name, keys] = one;
    const auto rollout = core_.state().rollouts.find(name);
    if (rollout == core_.state().rollouts.end()) return true;
    if (!is_done(rollout->second)) return false;
    const rest::ToolResult result = tool_result(core_.state(), rollout->second);
    for (const std::string& key : keys) out.emit(tool_answer(*asked_of(key), result));
    return true;
  });
}

void ToolDesk::say_no(const tool_topics::Asked& asked, const rest::ToolRejected& rejected,
                      Outcome& out) const {
  out.log(
      LogLevel::info, "tool request rejected",
      {{"user", asked.user.substr(0, 80)}, {"token", asked.token.substr(0, 80)}, {"code", rejected.code()}});
  out.emit(tool_answer(asked, rejected));
}

}  // namespace metalmesh::controller
