#include "controller/core/rollout_runner.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/ports/clock_row.h"
#include "common/ports/wire_time.h"
#include "controller/core/actions/actions.h"
#include "controller/core/deployment_machine.h"
#include "controller/core/fences.h"
#include "controller/core/field_rules.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/object_rules.h"
#include "controller/core/order_builder.h"
#include "controller/core/order_call_back.h"
#include "controller/core/restore_hold.h"
#include "controller/core/rollout_gates.h"
#include "controller/core/rollout_hand_out.h"
#include "controller/core/rollout_waves.h"
#include "controller/core/server_phases.h"
#include "controller/core/start_pace.h"
#include "controller/state/deployment_states.h"
#include "controller/state/rollout_states.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller {
namespace {

const rest::Rollout& rollout_of(const Work& work, const std::string& name) {
  return work.mesh().rollouts.at(name);
}

/// What never left this controller is ordered anew, when what was in its way is gone.
std::string next_after(wire::FaultCode code, const wire::Agreed& agreed) {
  const std::string again = action_of(agreed).again(agreed);
  switch (code) {
    case wire::ORDER_EXPIRED:
      return "look why it waited, then order it again with a longer startWithin: " + again;
    case wire::ORDER_INVALID:
      return "make what is ordered smaller (variables, host, the image's URLs), then: " + again;
    default:
      return "when it is to be done after all: " + again;
  }
}

/// Ends what was never handed out, and is known to be so: a store that went back may have forgotten that it
/// was, and only the site can say.
void recall_pending(Work& work, const std::string& name, const std::string& why, wire::FaultCode code) {
  const auto pending = work.ledger.board().rollout(name).pending;
  for (const auto& [site, ids] : pending) {
    if (!known_unissued(work, site) && !planted(Defect::expires_unheard)) continue;
    for (const auto& [position, id] : ids) recall(work, id, why, code);
  }
}

void expire(Work& work, const std::string& name) {
  const auto& pending = work.ledger.board().rollout(name).pending;
  if (pending.empty()) return;
  // One deadline for all. It was given by the clock as it stood then.
  const std::string& any = pending.begin()->second.begin()->second;
  const wire::Issue& issue = work.ledger.inner().orders.at(any).order().issue();
  const Duration since_set =
      work.mesh().clock_steps - from_wire(issue.clock_steps()) + set_later(rollout_of(work, name), issue);
  if (work.now.wall_low <= from_wire(issue.start_by()) + since_set) return;
  recall_pending(work, name, "startWithin passed before it could be handed out", wire::ORDER_EXPIRED);
}

void recall_all(Work& work, const std::string& name) {
  recall_pending(work, name, "the rollout was stopped", wire::CANCELLED_BY_OPERATOR);
  if (planted(Defect::abort_recalls_nothing)) return;
  std::vector<std::string> to_cancel;
  for (const std::string& id : work.ledger.board().in_flight()) {
    const rest::Deployment& deployment = work.mesh().deployments.at(id);
    if (deployment.rollout() != name || !work.ledger.inner().orders.contains(id)) continue;
    // Asked once: who answers that it is too late says the same again.
    const bool asked = deployment.state() == states::cancelling || work.mesh().fences.contains(id) ||
                       deployment.fence() == fences::confirmed;
    if (action_of(deployment).changes && !deployment.launched() && !asked) to_cancel.push_back(id);
  }
  for (const std::string& id : to_cancel) call_back(work, id, rollout_of(work, name).status().stop_reason());
}

void finish(Work& work, const std::string& name) {
  const bool stopped = state_of(rollout_of(work, name)) == RolloutState::stopping;
  work.ledger.change_rollout(name, [&](rest::Rollout& rollout) {
    set_state(rollout, RolloutState::done);
    *rollout.mutable_status()->mutable_ended() = to_wire(work.now.wall());
    rollout.mutable_status()->clear_waits();
    rollout.mutable_status()->clear_waits_until();
  });
  std::string counts;
  for (const auto& [state, count] : work.ledger.board().rollout(name).counts) {
    counts += (counts.empty() ? "" : ", ") + std::to_string(count) + " " + state;
  }
  tell_of_rollout(
      work, name,
      "rollout " + name + (stopped ? " ended after a person stopped it: " : " is done: ") + counts);
}

/// The command by which a rollout that rests goes on, behind the one that ends it; where its waves are known.
std::string going_on(const Work& work, const std::string& name) {
  const rest::Rollout& rollout = rollout_of(work, name);
  const Awaited next = awaited(work, rollout);
  if (next.wave == 0) return commands::stop(name);
  const bool failed = state_of(rollout) == RolloutState::stopped;
  return commands::stop(name) + ", or " +
         commands::go_on_with(name, next.wave, next.servers, failed ? unaccepted(rollout.status()) : 0);
}

/// Of one that starts nothing until a person says so.
std::string rests_until(const Work& work, const std::string& name) {
  if (work.ledger.board().rollout(name).pending.empty()) return {};
  return "a person lets it go on. Next: " + going_on(work, name);
}

/// "20 go on, 40 called back, 2 unreachable until 2026-10-03 04:10 UTC"
std::string called_back_words(const Work& work, const std::string& name) {
  std::size_t go_on = 0, called_back = 0, unreachable = 0;
  WallTime until{};
  for (const std::string& id : work.ledger.board().in_flight()) {
    const rest::Deployment& deployment = work.mesh().deployments.at(id);
    if (deployment.rollout() != name) continue;
    const SiteLink* link = work.link(deployment.site());
    const auto order = work.ledger.inner().orders.find(id);
    const bool silent = link == nullptr || link->silent(work.now);
    if (deployment.launched() || deployment.state() != states::cancelling) {
      ++go_on;
    } else if (silent && order != work.ledger.inner().orders.end()) {
      ++unreachable;
      const wire::Issue& issue = order->second.order().issue();
      until = std::max(until, from_wire(issue.has_launch_by() ? issue.launch_by() : issue.start_by()));
    } else {
      ++called_back;
    }
  }
  std::string words;
  const auto add = [&](std::size_t count, const std::string& what) {
    if (count > 0) words += (words.empty() ? "" : ", ") + std::to_string(count) + " " + what;
  };
  add(go_on, go_on == 1 ? "goes on" : "go on");
  add(called_back, "called back");
  add(unreachable, "unreachable until " + for_people(to_wire(until)));
  return words;
}

/// Too many of the same failed, in this rollout and in others beside it: what was not handed out is recalled.
bool stop_burst(Work& work, const std::string& name) {
  const rest::Rollout& rollout = rollout_of(work, name);
  if (work.ledger.board().rollout(name).pending.empty()) return false;
  const auto why = burst_stopped(work.mesh(), work.now, rollout.status().started_by(), rollout);
  if (!why) return false;
  work.ledger.change_rollout(name, [&](rest::Rollout& r) {
    set_state(r, RolloutState::stopped);
    r.mutable_status()->set_stop_reason(*why);
  });
  recall_pending(work, name, *why, wire::CANCELLED_BY_OPERATOR);
  tell_of_rollout(work, name,
                  "rollout " + name + " starts no more servers: " + *why +
                      "; what runs goes on. Next: look at the failures, and correct the profile");
  if (work.ledger.board().rollout(name).open == 0) finish(work, name);
  return true;
}

constexpr bool may_expire(RolloutState state) {
  return state == RolloutState::running || state == RolloutState::stopped || state == RolloutState::paused;
}

void run(Work& work, const std::string& name) {
  const RolloutState state = state_of(rollout_of(work, name));
  if (state == RolloutState::starting) return;
  if (may_expire(state)) expire(work, name);
  if (state == RolloutState::running) {
    if (const auto why = stop_reason(rollout_of(work, name), work.ledger.board().rollout(name));
        why && work.ledger.board().rollout(name).open > 0)
      return stop_by_itself(work, name, *why);
    if (stop_burst(work, name)) return;
    pass_gates(work, name);
    hand_out(work, name);
  } else if (state == RolloutState::stopping) {
    recall_all(work, name);
    tell_waits(work, name, called_back_words(work, name));
  } else if (state == RolloutState::paused) {
    if (planted(Defect::pause_ignored)) hand_out(work, name);
    tell_waits(work, name, rests_until(work, name));
  } else if (state == RolloutState::stopped) {
    tell_waits(work, name, rests_until(work, name));
  }
  if (work.ledger.board().rollout(name).open == 0) finish(work, name);
}

}  // namespace

void stop_by_itself(Work& work, const std::string& name, const std::string& why) {
  work.ledger.change_rollout(name, [&](rest::Rollout& rollout) {
    set_state(rollout, RolloutState::stopped);
    rollout.mutable_status()->set_stop_reason(why);
  });
  tell_of_rollout(work, name,
                  "rollout " + name + " starts no more servers: " + why +
                      "; what runs goes on. Next: look at the failures, then: " + going_on(work, name));
  tell_waits(work, name, rests_until(work, name));
}

void recall(Work& work, const std::string& id, const std::string& why, wire::FaultCode code) {
  const wire::Agreed agreed = agreed_in(work.ledger.inner().orders.at(id));
  move_deployment(work, id, Happening::recalled, [&](rest::Deployment& d) {
    d.set_disk(wire::DISK_UNTOUCHED);
    d.set_note(why);
    d.mutable_fault()->set_code(code);
    d.mutable_fault()->set_seen(why);
    d.mutable_fault()->set_disk(wire::DISK_UNTOUCHED);
    d.mutable_fault()->set_next(next_after(code, agreed));
  });
  work.ledger.note(
      line_about(work.mesh().deployments.at(id), "ended", "CANCELLED before it was handed out: " + why),
      work.now.wall());
}

void call_back(Work& work, const std::string& id, const std::string& reason) {
  if (!action_of(work.mesh().deployments.at(id)).changes) return;
  const std::string site = work.mesh().deployments.at(id).site();
  const SiteLink* link = work.link(site);
  owe_fence(work, id, reason, link == nullptr ? std::string() : link->event_journal());
  move_deployment(work, id,
                  planted(Defect::cancel_taken_for_granted) ? Happening::cancelled : Happening::cancel_asked);
  serve_fences(work, site);
}

void run_rollouts(Work& work) {
  hold_rollouts(work);
  std::vector<std::string> active;
  for (const auto& [name, rollout] : work.mesh().rollouts) {
    if (is_under_way(state_of(rollout))) active.push_back(name);
  }
  for (const std::string& name : active) run(work, name);
  call_protected_back(work);
}

}  // namespace metalmesh::controller
