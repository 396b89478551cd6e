#include "controller/core/rollout_hand_out.h"

#include <algorithm>
#include <map>
#include <vector>

#include "common/base/planted.h"
#include "common/ports/clock_row.h"
#include "common/ports/wire_time.h"
#include "controller/core/actions/actions.h"
#include "controller/core/deployment_machine.h"
#include "controller/core/fences.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/order_builder.h"
#include "controller/core/order_call_back.h"
#include "controller/core/rollout_gates.h"
#include "controller/core/rollout_runner.h"
#include "controller/core/server_phases.h"
#include "controller/core/start_pace.h"
#include "controller/core/start_windows.h"
#include "controller/state/deployment_states.h"

namespace metalmesh::controller {
namespace {

void move_deadline(wire::Issue& issue, Duration by) {
  *issue.mutable_start_by() = to_wire(from_wire(issue.start_by()) + by);
  if (issue.has_launch_by()) *issue.mutable_launch_by() = to_wire(from_wire(issue.launch_by()) + by);
}

/// It is not started behind the end of the window in which it is handed out, wherever it lies until then.
void end_with_window(const Work& work, const rest::RolloutSpec& spec, const std::string& site,
                     wire::Issue& issue) {
  const StartWindows windows(work.mesh(), spec, site);
  if (!windows.any() || planted(Defect::window_shut_ignored)) return;
  const auto shuts = windows.turns(work.now.wall_high);
  if (shuts && *shuts < from_wire(issue.start_by()))
    move_deadline(issue, *shuts - from_wire(issue.start_by()));
}

/// Hands one order out, unless it must be recalled or the site takes nothing now.
void issue(Work& work, const std::string& id, SiteLink& link) {
  const rest::Deployment& deployment = work.mesh().deployments.at(id);
  const Action& action = action_of(deployment);
  const rest::Server& server = work.mesh().servers.at(deployment.server());
  const rest::Rollout& rollout = work.mesh().rollouts.at(deployment.rollout());
  if (action.wipes && is_protected(server, work.now) && !planted(Defect::protection_ignored)) {
    return recall(work, id, "the server is protected by now", wire::CANCELLED_BY_OPERATOR);
  }
  record::Order order = work.ledger.inner().orders.at(id);
  const std::string machine = machine_of(order.identity());
  const std::uint64_t generation =
      !action.changes
          ? 0
          : std::max<std::uint64_t>({work.ledger.generation(machine), server.status().generation(),
                                     deployment.generation(), link.row().least_generation()}) +
                (planted(Defect::generation_reused) ? 0 : 1);
  wire::Issue& issue = *order.mutable_order()->mutable_issue();
  issue.set_generation(generation);
  move_deadline(issue, set_later(rollout, issue));
  follow_steps(issue, work.mesh().clock_steps);
  end_with_window(work, rollout.spec(), deployment.site(), issue);
  const rest::Plan& plan = rollout.status().plan();
  if (action.wipes)
    issue.set_usual_reads(work.mesh().installs.usual_reads(plan.image_sha256(), plan.profile()));
  wire::Command command;
  *command.mutable_order() = order.order();
  const auto sent = work.send(link, std::move(command));
  if (!sent) {
    if (sent.error().kind == ErrorKind::exhausted)
      recall(work, id, sent.error().message, wire::ORDER_INVALID);
    return;
  }
  order.set_command_journal(link.command_journal());
  order.set_command_seq(*sent);
  order.set_event_journal(link.event_journal());
  if (action.changes) work.ledger.raise_generation(machine, generation);
  work.ledger.put_order(id, std::move(order));
  move_deployment(work, id, Happening::issued, [&](rest::Deployment& d) {
    d.set_generation(generation);
    d.set_attempt(1);
    d.clear_note();
  });
  ++work.metrics.deployments_issued;
  count_start(work, deployment);
  work.ledger.note(line_about(deployment, "issued",
                              "handed to site " + deployment.site() +
                                  (action.changes ? " as generation " + std::to_string(generation) : "")),
                   work.now.wall());
}

/// How many more may go to a site now. What waits is not looked at: while all sites are silent, that may be a fleet.
std::size_t room_at(const Work& work, const rest::RolloutSpec& spec, const std::string& site) {
  const SiteLink* link = work.link(site);
  const bool to_silent = spec.offline() == "startUntil";
  if (link == nullptr || !link->can_issue() || (link->silent(work.now) && !to_silent)) return 0;
  if (planted(Defect::limits_ignored)) return spec.parallel().total();
  const std::uint32_t taken = work.ledger.board().in_flight_at(site);
  return taken < spec.parallel().per_site() ? spec.parallel().per_site() - taken : 0;
}

/// The next ones in plan order that fit the limits now, of waves up to this one.
std::vector<std::string> next_to_issue(const Work& work, const rest::RolloutSpec& spec,
                                       const std::string& actor, const RolloutTally& tally,
                                       std::uint32_t wave) {
  if (tally.waves.empty() || tally.in_flight >= spec.parallel().total()) return {};
  const bool paced = is_paced(action_of(spec));
  const auto left = [&](std::size_t room, const std::string& whose) {
    return paced ? std::min<std::size_t>(room, starts_left(work.mesh(), work.now, whose)) : room;
  };
  const std::size_t room = left(spec.parallel().total() - tally.in_flight, pace_of_actor(actor));
  std::map<std::uint32_t, std::string> next;  // by position; positions follow waves
  for (const auto& [site, pending] : tally.pending) {
    std::size_t here = left(std::min(room, room_at(work, spec, site)), pace_of_site(site));
    if (here > 0 && !StartWindows(work.mesh(), spec, site).is_open(work.now)) continue;
    for (auto at = pending.begin(); here > 0 && at != pending.end(); ++at) {
      const rest::Deployment& deployment = work.mesh().deployments.at(at->second);
      if (deployment.wave() > wave && !planted(Defect::canary_ignored)) break;
      if (action_of(deployment).changes &&
          fence_owed(work.mesh(), machine_of(work.ledger.inner().orders.at(at->second).identity())))
        continue;
      next.insert(*at);
      --here;
    }
  }
  std::vector<std::string> chosen;
  for (auto& [position, id] : next) {
    if (chosen.size() == room) break;
    chosen.push_back(std::move(id));
  }
  return chosen;
}

/// People see which ceiling a rollout waits for, and hear of it once.
void tell_pace(Work& work, const std::string& name) {
  const rest::Rollout& rollout = work.mesh().rollouts.at(name);
  std::vector<std::string> sites;
  for (const auto& [site, pending] : work.ledger.board().rollout(name).pending) sites.push_back(site);
  const bool waits = !sites.empty() && is_paced(action_of(rollout.spec()));
  std::string paced = waits ? paced_by(work.mesh(), work.now, rollout, sites) : std::string();
  if (paced == rollout.status().paced()) return;
  if (rollout.status().paced().empty()) tell_of_rollout(work, name, "rollout " + name + " waits: " + paced);
  work.ledger.change_rollout(name,
                             [&](rest::Rollout& r) { r.mutable_status()->set_paced(std::move(paced)); });
}

}  // namespace

/// By how much a person has moved what this order was to start by.
Duration set_later(const rest::Rollout& rollout, const wire::Issue& issue) {
  if (!rollout.status().has_started() || planted(Defect::until_ignored)) return {};
  return start_deadline(rollout.spec(), from_wire(rollout.status().started())) - from_wire(issue.start_by());
}

void hand_out(Work& work, const std::string& name) {
  if (work.mesh().disk_low || work.mesh().hold || !work.mesh().clock_doubt.empty() ||
      work.hearing.holds(name))
    return;
  const rest::Rollout& rollout = work.mesh().rollouts.at(name);
  const RolloutTally& tally = work.ledger.board().rollout(name);
  const auto chosen = next_to_issue(work, rollout.spec(), rollout.status().started_by(), tally,
                                    wave_handed_out(rollout.status(), tally));
  for (const std::string& id : chosen) issue(work, id, *work.link(work.mesh().deployments.at(id).site()));
  tell_pace(work, name);
}

}  // namespace metalmesh::controller
