#include "controller/core/plans_under_way.h"

#include <algorithm>
#include <string>
#include <utility>

#include "controller/core/request_digest.h"
#include "controller/state/rollout_states.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t under_way_most = 16;

void carry_on(Work& work) { work.out.emit(TimerArm{PlansUnderWay::token, work.now.mono}); }

ActResult not_now(ErrorKind kind, std::string why, std::string next) {
  return std::unexpected(rules::refusal(kind, "", std::move(why), std::move(next)));
}

}  // namespace

std::optional<std::string> PlansUnderWay::left_starting(const Work& work) const {
  for (const auto& [name, rollout] : work.mesh().rollouts) {
    if (state_of(rollout) != RolloutState::starting) continue;
    if (std::ranges::none_of(under_way_, [&](const auto& one) { return one.second.act->rollout() == name; }))
      return name;
  }
  return std::nullopt;
}

void PlansUnderWay::started(Work& work) { carry_on(work); }

std::variant<std::uint64_t, ActResult> PlansUnderWay::begin(Work& work, const OperatorRequest& request,
                                                            PlanAct::Body body, std::size_t servers) {
  const auto* start = std::get_if<StartRollout>(&body);
  Starter starter{request.actor, request.token, start == nullptr ? std::nullopt : start->until};
  auto act = std::make_unique<PlanAct>(work, std::move(body), std::move(starter));
  const std::string& rollout = act->rollout();
  for (const auto& [number, other] : under_way_) {
    if (other.act->rollout() != rollout) continue;
    if (request_digest(other.request) == request_digest(request)) return number;
    return not_now(ErrorKind::conflict,
                   "rollout " + rollout + " is just being planned or started by " + other.request.actor,
                   "wait a moment, then look: metalmesh get rollouts " + rollout);
  }
  if (under_way_.size() >= under_way_most)
    return not_now(ErrorKind::exhausted, "too many rollouts are being planned at once",
                   "wait until one of them is planned");
  if (auto result = act->go_on(work, servers)) return std::move(*result);
  if (under_way_.empty()) carry_on(work);
  under_way_.emplace(++last_, UnderWay{request, std::move(act)});
  return last_;
}

std::optional<PlansUnderWay::Done> PlansUnderWay::go_on(Work& work, std::size_t servers) {
  std::optional<Done> done;
  if (const auto left = left_starting(work)) {
    take_back_start(work, *left, orders_at_once(work, servers));
  } else if (!under_way_.empty()) {
    const auto first = under_way_.begin();
    if (auto result = first->second.act->go_on(work, servers)) {
      done = Done{first->first, std::move(first->second.request), std::move(*result)};
      under_way_.erase(first);
    }
  }
  if (!under_way_.empty() || left_starting(work)) carry_on(work);
  return done;
}

}  // namespace metalmesh::controller
