#include "controller/core/rollout_start.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/command_words.h"
#include "common/base/digest.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "controller/core/actions/actions.h"
#include "controller/core/actions/grounds.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/restore_hold.h"
#include "controller/state/deployment_states.h"
#include "controller/state/plan_pages.h"
#include "controller/state/rollout_states.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t deployment_id_bytes = 8;

rest::Deployment pending_deployment(const rest::PlanServer& planned, const rest::Rollout& rollout,
                                    const rest::Server& server, std::string id, WallTime started) {
  rest::Deployment deployment;
  deployment.set_id(std::move(id));
  deployment.set_rollout(rollout.metadata().name());
  deployment.set_action(std::string(action_of(rollout.spec()).name));
  deployment.set_server(planned.name());
  deployment.set_site(planned.site());
  deployment.set_state(std::string(states::pending));
  deployment.set_disk(wire::DISK_UNTOUCHED);
  deployment.set_machine(server.status().machine());
  deployment.set_fence(std::string(fences::none));
  deployment.set_wave(planned.wave());
  *deployment.mutable_created() = to_wire(started);
  return deployment;
}

void begin_waves(rest::RolloutStatus& status) {
  status.set_wave(1);
  status.clear_waves();
  for (const rest::PlanWave& planned : status.plan().waves()) {
    rest::RolloutWaveStatus& wave = *status.add_waves();
    wave.set_number(planned.number());
    wave.set_name(planned.name());
    wave.set_servers(planned.servers());
  }
}

}  // namespace

std::size_t orders_at_once(const Work& work, std::size_t servers) {
  constexpr std::size_t judged_per_order = 2;
  return work.mesh().servers.size() <= servers ? servers
                                               : std::max<std::size_t>(1, servers / judged_per_order);
}

std::string plan_again(const std::string& rollout) { return "plan it again: " + commands::plan(rollout); }

rules::Verdict may_start_anything(const Work& work) {
  if (work.mesh().disk_low) {
    return rules::refusal(ErrorKind::exhausted, "",
                          "the controller's disk is nearly full: nothing new is started",
                          "free space in its data directory, then start again");
  }
  if (work.mesh().hold)
    return rules::refusal(ErrorKind::conflict, "",
                          "this controller starts nothing: " + work.mesh().hold->reason(), after_a_look());
  return std::nullopt;
}

rules::Verdict check_until(const Work& work, WallTime until, WallTime started, const std::string& rollout) {
  constexpr Duration longest_start = std::chrono::hours(24 * 30);
  if (until <= work.now.wall_high)
    return rules::refusal(ErrorKind::invalid, "until", "is over",
                          "to start nothing more: " + commands::pause(rollout));
  if (until - started > longest_start)
    return rules::refusal(ErrorKind::invalid, "until", "is more than 30 days after its start",
                          "plan what is left anew, by another rollout");
  return std::nullopt;
}

rules::Verdict in_its_way(const Work& work, const std::string& server, const rest::Rollout& rollout) {
  const auto found = work.mesh().servers.find(server);
  const rest::Deployment* open = found == work.mesh().servers.end()
                                     ? nullptr
                                     : in_the_way(work.mesh(), found->second, action_of(rollout.spec()));
  if (open == nullptr) return std::nullopt;
  return rules::refusal(
      ErrorKind::conflict, "plan",
      "server " + server + " has an open deployment: " + open->id() + " of rollout " + open->rollout() +
          " (" + open->state() + ")",
      "wait for its end or stop that rollout, then " + plan_again(rollout.metadata().name()));
}

OrderMaking::OrderMaking(const Work& work, PlanMaking& making, std::string rollout, Starter starter)
    : making_(making),
      rollout_(std::move(rollout)),
      starter_(std::move(starter)),
      started_{work.now.wall(), work.mesh().clock_steps},
      planned_(making.take()),
      most_(planned_.shown.server_count()) {}

rules::Verdict OrderMaking::may_go_on(const Work& work) {
  if (auto bad = may_start_anything(work)) return bad;
  const auto found = work.mesh().rollouts.find(rollout_);
  const bool ended = found == work.mesh().rollouts.end() || state_of(found->second) != RolloutState::starting;
  if (made_ > 0 && ended)
    return rules::refusal(ErrorKind::conflict, "",
                          "rollout " + rollout_ +
                              " was stopped while it was started: " + std::to_string(made_) + " of its " +
                              std::to_string(most_) + " orders were made, none was handed out",
                          commands::watch(rollout_));
  if (making_.still_holds(work.now)) return std::nullopt;
  return rules::refusal(ErrorKind::conflict, "plan",
                        "the plan is stale: a server changed while it was started", plan_again(rollout_));
}

void OrderMaking::make(Work& work, const rest::PlanServer& planned) {
  const rest::Rollout& rollout = work.mesh().rollouts.at(rollout_);
  const rest::Server& server = work.mesh().servers.at(planned.name());
  rest::Deployment deployment = pending_deployment(
      planned, rollout, server, "d-" + to_hex(work.entropy.bytes(deployment_id_bytes)), started_.at);
  record::Order order;
  wire::Order& handed = *order.mutable_order();
  handed.set_agreed(making_.next_agreed());
  *handed.mutable_path() = planned_.tree.path(made_);
  *handed.mutable_issue() = issue_for(work.mesh(), rollout, server, deployment.id(), started_);
  deployment.set_position(++made_);
  *order.mutable_identity() = order_identity(server);
  order.set_phase_before(server.status().phase());
  order.set_deployment_before(server.status().deployment());
  work.ledger.put_order(deployment.id(), std::move(order));
  if (action_of(rollout.spec()).changes)
    work.ledger.change_server(planned.name(),
                              [&](rest::Server& s) { s.mutable_status()->set_deployment(deployment.id()); });
  work.ledger.put(std::move(deployment));
}

void OrderMaking::enter(Work& work, RolloutState state) const {
  work.ledger.change_rollout(rollout_, [&](rest::Rollout& rollout) {
    set_state(rollout, state);
    rollout.mutable_status()->set_started_by(starter_.actor);
    rollout.mutable_status()->set_started_token(starter_.token);
    if (!done()) return;
    *rollout.mutable_status()->mutable_started() = to_wire(started_.at);
    begin_waves(*rollout.mutable_status());
    // Beside the digest, as `set` has it; what was made by the old time goes by this one.
    if (starter_.until)
      *rollout.mutable_spec()->mutable_start_within() = to_wire(*starter_.until - started_.at);
    if (rollout.status().pause_asked()) set_state(rollout, RolloutState::paused);
    rollout.mutable_status()->clear_pause_asked();
  });
  work.moved = true;
}

rules::Verdict OrderMaking::go_on(Work& work, std::size_t orders) {
  if (auto bad = may_go_on(work)) return bad;
  if (made_ == 0) enter(work, RolloutState::starting);
  for (; orders > 0 && !done(); --orders) {
    const rest::PlanPage& page = planned_.pages[made_ / plan_page_most];
    const rest::PlanServer& planned = page.servers(static_cast<int>(made_ % plan_page_most));
    if (auto bad = in_its_way(work, planned.name(), work.mesh().rollouts.at(rollout_))) return bad;
    make(work, planned);
    if (made_ % plan_page_most == 0) planned_.pages[made_ / plan_page_most - 1] = {};
  }
  if (done()) enter(work, RolloutState::running);
  return std::nullopt;
}

void take_back_start(Work& work, const std::string& name, std::size_t orders) {
  const RolloutTally& tally = work.ledger.board().rollout(name);
  if (planted(Defect::half_start_runs) && tally.open > 0) {
    work.ledger.change_rollout(name, [](rest::Rollout& r) { set_state(r, RolloutState::running); });
    work.moved = true;
    return;
  }
  std::vector<std::string> ids;
  for (const auto& [site, pending] : tally.pending) {
    for (auto at = pending.begin(); at != pending.end() && ids.size() < orders; ++at)
      ids.push_back(at->second);
  }
  for (const std::string& id : ids) {
    const std::string server = work.mesh().deployments.at(id).server();
    const std::string before = work.ledger.inner().orders.at(id).deployment_before();
    const auto found = work.mesh().servers.find(server);
    if (found != work.mesh().servers.end() && found->second.status().deployment() == id)
      work.ledger.change_server(server, [&](rest::Server& s) { s.mutable_status()->set_deployment(before); });
    work.ledger.erase_deployment(id);
  }
  const RolloutTally& left = work.ledger.board().rollout(name);
  if (!left.pending.empty()) return;
  const bool clean = left.total == 0;
  const std::string why = "its start was not carried through";
  work.ledger.change_rollout(name, [&](rest::Rollout& rollout) {
    set_state(rollout, clean ? RolloutState::planned : RolloutState::stopped);
    rollout.mutable_status()->clear_pause_asked();
    if (!clean) rollout.mutable_status()->set_stop_reason(why);
  });
  work.moved = true;
  tell_of_rollout(work, name,
                  "rollout " + name +
                      (clean ? " is planned as before: " + why +
                                   ", and nothing of it was handed out. Next: " + commands::plan(name)
                             : " starts no more servers: " + why +
                                   "; what runs goes on. Next: " + commands::watch(name)));
}

}  // namespace metalmesh::controller
