#include "controller/core/late_facts.h"

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "controller/core/actions/actions.h"
#include "controller/core/deployment_machine.h"
#include "controller/core/event_gaps.h"
#include "controller/core/fences.h"
#include "controller/core/rollout_runner.h"
#include "controller/core/sentences.h"
#include "controller/core/server_phases.h"
#include "controller/state/deployment_states.h"
#include "controller/state/rollout_states.h"

namespace metalmesh::controller {
namespace {

bool is_resolved(const rest::Deployment& deployment) { return !deployment.resolved_by().empty(); }

/// A person said so, and nothing that the site told speaks for it.
bool stands_alone(const rest::Deployment& deployment) {
  const bool foretold = deployment.state() == states::succeeded && !deployment.launched();
  return is_resolved(deployment) && action_of(deployment).wipes && (foretold || says_untouched(deployment));
}

/// The site, too, would have it end like this.
bool agrees(const wire::Ended& end, const rest::Deployment& deployment) {
  const bool wiped = end.outcome() == wire::Ended::SUCCEEDED || end.outcome() == wire::Ended::UNPROVEN ||
                     end.outcome() == wire::Ended::INDETERMINATE || may_have_wiped_disk(end.disk());
  if (says_untouched(deployment)) return !wiped;
  if (is_unresolved(deployment)) return end.outcome() == wire::Ended::INDETERMINATE;
  if (!is_resolved(deployment)) return true;  // told by the site itself: a second end is none
  if (deployment.state() == states::succeeded) {
    // Who spoke before its end spoke of the future: that nothing proves it is news to her.
    const bool had_ended = !is_open(deployment.resolved_from());
    return end.outcome() == wire::Ended::SUCCEEDED || (end.outcome() == wire::Ended::UNPROVEN && had_ended);
  }
  return end.outcome() != wire::Ended::SUCCEEDED;
}

/// Ended, and not because the site said how its disk is.
bool may_still_launch(const rest::Deployment& deployment) {
  const bool guessed = is_resolved(deployment) || is_unresolved(deployment) || says_untouched(deployment);
  return guessed && !deployment.launched();
}

bool at_work(wire::Stage stage) { return stage > wire::STAGE_UNSPECIFIED && stage < wire::CLEANUP; }

bool launched_by(const wire::Event& event) {
  return event.has_launched() || event.cancel().answer() == wire::CancelAnswer::TOO_LATE ||
         event.stage().stage() == wire::FINALISE || event.stage().stage() == wire::VERIFY;
}

void protect(Work& work, const rest::Deployment& deployment) {
  const auto server = work.mesh().servers.find(deployment.server());
  if (server == work.mesh().servers.end()) return;
  work.ledger.change_server(deployment.server(), [](rest::Server& s) {
    s.mutable_status()->set_protected_(true);
    s.mutable_status()->clear_unprotected_until();
  });
}

/// A rollout that was done has something to wait for again; one that a person stopped stays so.
void reopen_rollout(Work& work, const std::string& name) {
  const auto found = work.mesh().rollouts.find(name);
  if (found == work.mesh().rollouts.end() || state_of(found->second) != RolloutState::done) return;
  work.ledger.change_rollout(name, [](rest::Rollout& rollout) {
    auto& status = *rollout.mutable_status();
    set_state(rollout, status.stop_reason().starts_with(stopped_by_person) ? RolloutState::stopping
                                                                           : RolloutState::running);
    status.clear_ended();
  });
}

void keep_word(rest::Deployment& deployment, const std::string& as, const std::string& told, const Now& now) {
  if (!is_resolved(deployment)) return;
  rest::Resolution& word = *deployment.add_contradicted();
  word.set_by(deployment.resolved_by());
  word.set_note(deployment.resolved_note());
  word.set_from(deployment.resolved_from());
  word.set_as(as);
  word.set_contradicted_by(told);
  *word.mutable_at() = to_wire(now.wall());
  deployment.clear_resolved_by();
  deployment.clear_resolved_note();
  deployment.clear_resolved_from();
}

/// What was told of its end proves nothing any more.
void leave_unclear(Work& work, const std::string& id, const std::string& why) {
  const std::string as = work.mesh().deployments.at(id).state();
  move_deployment(work, id, Happening::doubted, [&](rest::Deployment& d) {
    keep_word(d, as, why, work.now);
    d.add_evidence(why);
    outcome_unknown(d, why);
    d.set_keeps_place(true);  // the installer may run: who would say so is gone
  });
  work.ledger.note(line_about(work.mesh().deployments.at(id), "ended", "INDETERMINATE: " + why),
                   work.now.wall());
}

}  // namespace

bool disproves(const wire::Event& event, const rest::Deployment& deployment, bool news) {
  if (is_open(deployment.state()) || planted(Defect::late_facts_dropped)) return false;
  switch (event.body_case()) {
    case wire::Event::kReceipt:
      return news && event.receipt().accepted();
    case wire::Event::kArmed:
      return news;
    case wire::Event::kStage:
      if (news) return at_work(event.stage().stage());
      return says_untouched(deployment) && at_work(event.stage().stage()) &&
             event.stage().stage() >= wire::WATCH;
    case wire::Event::kLaunched:
      return may_still_launch(deployment);
    case wire::Event::kCancel:
      if (event.cancel().answer() == wire::CancelAnswer::TOO_LATE)
        return is_resolved(deployment) || is_unresolved(deployment) || says_untouched(deployment);
      return event.cancel().answer() == wire::CancelAnswer::CANCELLED && is_resolved(deployment) &&
             deployment.state() == states::succeeded;
    case wire::Event::kEnded:
      return news || !agrees(event.ended(), deployment);
    default:
      return false;
  }
}

void call_back_rivals(Work& work, const rest::Deployment& deployment) {
  const auto server = work.mesh().servers.find(deployment.server());
  if (server == work.mesh().servers.end() || !action_of(deployment).changes) return;
  const rest::Deployment* rival = open_deployment(work.mesh(), server->second);
  if (rival == nullptr || rival->id() == deployment.id()) return;
  const std::string id = rival->id();
  const std::string why =
      "deployment " + deployment.id() + " of the same server is at work at site " + deployment.site();
  if (rival->state() == states::pending) {
    // Told in order, the other one would have come after its end; in a gap that end may be what is missing.
    const SiteLink* link = work.link(rival->site());
    if (link != nullptr && in_gap(work, rival->site(), link->event_journal())) return doubt_in_gap(work, id);
    return recall(work, id, why, wire::MACHINE_BUSY);
  }
  if (!rival->launched()) {
    call_back(work, id, why);
    return;
  }
  move_deployment(work, id, Happening::indeterminate, [&](rest::Deployment& d) {
    d.add_evidence(why + ": both may have written to its disk");
    d.set_disk(wire::DISK_UNKNOWN);
  });
}

void doubt_word(Work& work, const std::string& id, const std::string& why) {
  const auto known = work.mesh().deployments.find(id);
  const auto fence = work.mesh().fences.find(id);
  if (known == work.mesh().deployments.end() || fence == work.mesh().fences.end() ||
      fence->second.confirmed() || !stands_alone(known->second) || planted(Defect::words_not_doubted)) {
    return;
  }
  leave_unclear(work, id, why);
}

void doubt_end(Work& work, const std::string& id) {
  const auto known = work.mesh().deployments.find(id);
  if (known == work.mesh().deployments.end() || !action_of(known->second).wipes ||
      !says_untouched(known->second)) {
    return;
  }
  call_back_rivals(work, known->second);
  leave_unclear(work, id,
                "one of the two agents of " + known->second.site() +
                    " told that nothing was launched; the other one may have launched it before");
  if (!work.mesh().fences.contains(id)) keep_place(work, id);
}

void reopen(Work& work, const std::string& id, const wire::Event& event) {
  const rest::Deployment& deployment = work.mesh().deployments.at(id);
  const std::string told = sentence(event);
  const std::string as = deployment.state();
  const std::string was =
      as + (deployment.resolved_by().empty() ? std::string() : ", resolved by " + deployment.resolved_by());
  const bool wipes = action_of(deployment).wipes;
  // What has ended and touched no disk is in nobody's way.
  if (wipes || !event.has_ended()) call_back_rivals(work, deployment);
  reopen_rollout(work, deployment.rollout());
  move_deployment(work, id, Happening::disproved, [&](rest::Deployment& d) {
    keep_word(d, as, told, work.now);
    d.clear_fault();
    if (launched_by(event) &&
        !planted(Defect::reopened_keeps_old_word)) {  // whatever a person said of the disk
      d.set_launched(true);
      d.set_disk(wire::DISK_BEING_WRITTEN);
    }
    d.set_note("open again (it was " + was + "): the site tells: " + told);
  });
  if (wipes && launched_by(event)) protect(work, deployment);
  ++work.metrics.deployments_reopened;
  work.ledger.note(
      line_about(deployment, "reopened",
                 "deployment " + id + " is open again: it was " + was + ", but the site tells: " + told),
      work.now.wall());
}

}  // namespace metalmesh::controller
