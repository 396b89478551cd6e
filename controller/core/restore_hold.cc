#include "controller/core/restore_hold.h"

#include <algorithm>
#include <vector>

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "controller/core/actions/actions.h"
#include "controller/core/deployment_machine.h"
#include "controller/core/field_rules.h"
#include "controller/core/operator_acts.h"
#include "controller/core/server_machines.h"
#include "controller/core/server_phases.h"
#include "controller/core/site_care.h"
#include "controller/state/deployment_states.h"
#include "controller/state/rollout_states.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller {
namespace {

constexpr int differences_listed = 500;

bool same_subject(const rest::HoldDifference& a, const rest::HoldDifference& b) {
  return a.site() == b.site() && a.server() == b.server() && a.deployment() == b.deployment();
}

void note(Work& work, std::string type, const std::string& rollout, std::string message) {
  rest::LogEvent line;
  line.set_type(std::move(type));
  line.set_rollout(rollout);
  line.set_message(std::move(message));
  work.ledger.note(std::move(line), work.now.wall());
}

std::vector<std::string> rollouts_in(const Work& work, RolloutState state) {
  std::vector<std::string> names;
  for (const auto& [name, rollout] : work.mesh().rollouts) {
    if (state_of(rollout) == state) names.push_back(name);
  }
  return names;
}

void doubt_what_sites_forgot(Work& work) {
  for (const auto& [site, link] : work.links) {
    if (link->lost_journal()) {
      doubt_pending(work, site);
    } else if (link->quarantined()) {
      doubt_in_quarantine(work, site);
    }
  }
}

}  // namespace

void begin_hold(Work& work, const std::string& reason) {
  if (planted(Defect::restore_goes_on)) return;
  if (work.mesh().hold) {
    rest::Hold longer = *work.mesh().hold;
    if (longer.reason().find(reason) != std::string::npos || longer.reason().size() > rules::note_limit)
      return;
    longer.set_reason(longer.reason() + "; and " + reason);
    work.ledger.set_hold(std::move(longer));
    note(work, "controller", "",
         "this controller starts nothing, for another reason as well: " + reason +
             ". Next: " + after_a_look());
    return doubt_what_sites_forgot(work);
  }
  rest::Hold hold;
  hold.set_reason(reason);
  *hold.mutable_since() = to_wire(work.now.wall());
  work.ledger.set_hold(std::move(hold));
  note(work, "controller", "",
       "this controller starts nothing until a person has looked: " + reason + ". Next: " + after_a_look());
  doubt_what_sites_forgot(work);
  work.moved = true;
}

void hold_for_foreign(Work& work, const std::string& site, const ForeignController& foreign) {
  // Who is refused by the sites holds whatever was said here before: the last word was said elsewhere.
  if (!foreign.followed && work.mesh().settled_instances.contains(foreign.instance)) return;
  if (work.mesh().hold && work.mesh().hold->foreign_instance() == foreign.instance) return;
  begin_hold(work, "another controller with our identity runs: instance " + foreign.instance + " since " +
                       for_people(foreign.since) + ", heard at site " + site +
                       (foreign.followed ? ", which follows that one and refuses us"
                                         : ", which follows us and refuses it"));
  if (!work.mesh().hold) return;
  rest::Hold hold = *work.mesh().hold;
  hold.set_foreign_instance(foreign.instance);
  work.ledger.set_hold(std::move(hold));
}

void hold_for_missing(Work& work, const std::string& site, const std::string& event) {
  const MeshState& mesh = work.mesh();
  // Of one that a person had stopped: what it did elsewhere was looked at then.
  const bool is_settled = mesh.settled_instances.contains(event.substr(0, event.rfind('-')));
  if (is_settled || !mesh.lives.misses(event, mesh.last_event)) return;
  const std::string newest = mesh.lives.id_of(mesh.last_event);
  work.ledger.note_missing(event);
  const SiteLink* link = work.link(site);
  const std::string evidence = "site " + site + " knows more than this store";
  if (link == nullptr || link->row().learning()) {
    begin_hold(work, "it was restored from a backup: " + evidence);
  } else {  // it learns from every site, however long that takes and whenever a person lets it go on
    begin_epoch(work, link->epoch_seen(), evidence);
  }
  note_difference(work, difference(site, "", "ledger", "event " + newest, "event " + event));
}

namespace {

/// Between the backup and the loss orders may have been given, and carried out, of which nothing remained.
void doubt_machines(Work& work, const std::string& site) {
  if (planted(Defect::machines_not_doubted)) return;
  std::vector<std::string> servers;
  for (const auto& [name, server] : work.mesh().servers) {
    if (server.spec().site() == site) servers.push_back(name);
  }
  const std::string why = "this controller was restored, and the agent of " + site +
                          " lost its journal: what was done to it in between is not known";
  for (const std::string& name : servers) {
    change_machine(work, work.mesh().servers.at(name).status().machine(), [&](record::Machine& machine) {
      if (machine.has_installed()) return;  // it takes more than a plan to wipe that one
      machines::raise_use(machine, record::Machine::IN_USE, why, to_wire(work.now.wall()));
    });
    rest::LogEvent line;
    line.set_type("doubted");
    line.set_site(site);
    line.set_server(name);
    line.set_message(why + "; its disk may be written, and our medium in it. Next: look at it, then: " +
                     commands::release_for_install(name) + ", or " + commands::adopt(name));
    work.ledger.note(std::move(line), work.now.wall());
  }
}

/// This store may be older than what `site` was handed.
bool may_be_behind(const Work& work, const std::string& site) {
  const SiteLink* link = work.link(site);
  return work.mesh().hold || (link != nullptr && link->row().learning());
}

/// `lost`: what became of the memory of its agent.
void doubt_handed_out(Work& work, const std::string& site, const std::string& lost) {
  std::vector<std::string> pending;
  for (const auto& [id, deployment] : work.mesh().deployments) {
    // What only reads may be handed out twice.
    if (deployment.site() == site && deployment.state() == states::pending && action_of(deployment).changes)
      pending.push_back(id);
  }
  for (const std::string& id : pending) {
    move_deployment(work, id, Happening::lost, [&](rest::Deployment& d) {
      outcome_unknown(d, "this controller was restored, and the agent of " + site + " " + lost +
                             ": whether this was handed out in between is not known");
    });
    work.ledger.note(line_about(work.mesh().deployments.at(id), "ended",
                                "INDETERMINATE: controller and site both forgot whether it was handed out"),
                     work.now.wall());
  }
}

}  // namespace

bool known_unissued(const Work& work, const std::string& site) {
  const SiteLink* link = work.link(site);
  if (link == nullptr || !link->caught_up()) return false;
  return !link->may_have_forgotten() || !may_be_behind(work, site) || planted(Defect::pending_not_doubted);
}

void doubt_pending(Work& work, const std::string& site) {
  if (planted(Defect::pending_not_doubted) || !may_be_behind(work, site)) return;
  doubt_handed_out(work, site, "lost its journal");
  doubt_machines(work, site);
}

void doubt_in_quarantine(Work& work, const std::string& site) {
  if (planted(Defect::pending_not_doubted) || !may_be_behind(work, site)) return;
  doubt_handed_out(work, site, "is in quarantine, since its history is not to be relied on");
}

void note_difference(Work& work, rest::HoldDifference difference) {
  if (!work.mesh().hold) return;
  rest::Hold hold = *work.mesh().hold;
  auto& all = *hold.mutable_differences();
  const auto known =
      std::ranges::find_if(all, [&](const auto& one) { return same_subject(one, difference); });
  if (known != all.end()) {
    if (known->is() == difference.is()) return;
    known->set_is(difference.is());
  } else if (all.size() < differences_listed) {
    *all.Add() = std::move(difference);
  } else {
    hold.set_more_differences(hold.more_differences() + 1);
  }
  work.ledger.set_hold(std::move(hold));
}

void hold_rollouts(Work& work) {
  if (!work.mesh().hold) return;
  for (const std::string& name : rollouts_in(work, RolloutState::running)) {
    work.ledger.change_rollout(name, [&](rest::Rollout& rollout) {
      set_state(rollout, RolloutState::held);
      rollout.mutable_status()->set_stop_reason("held: " + work.mesh().hold->reason());
    });
    note(work, "rollout", name, "rollout " + name + " is held: " + work.mesh().hold->reason());
  }
}

/// From now on every site follows us, and refuses what the other one sends.
void take_over(Work& work, const std::string& foreign) {
  work.ledger.settle_instance(foreign);
  std::uint64_t seen = 0;
  for (const auto& [site, link] : work.links) seen = std::max(seen, link->epoch_seen());
  raise_epoch(work, seen);
  note(work, "controller", "",
       "epoch " + std::to_string(work.mesh().epoch) +
           " begins: a person said that this controller goes on, and not instance " + foreign +
           ", whose commands every site refuses from now on. Stop that one");
}

ActResult act(Work& work, const ContinueController& request, const std::string&) {
  using rules::refusal;
  if (!work.mesh().hold) {
    return std::unexpected(refusal(
        ErrorKind::conflict, "", "this controller holds nothing: it was not restored, and is the only one"));
  }
  if (request.reason.empty() || request.reason.size() > rules::note_limit) {
    return std::unexpected(
        refusal(ErrorKind::invalid, "reason", "a reason of 1 to 1024 bytes says what was looked at"));
  }
  const int differences = work.mesh().hold->differences_size();
  const std::string foreign = work.mesh().hold->foreign_instance();
  work.ledger.set_hold(std::nullopt);
  if (!foreign.empty()) take_over(work, foreign);
  for (const std::string& name : rollouts_in(work, RolloutState::held)) {
    work.ledger.change_rollout(name, [](rest::Rollout& rollout) {
      set_state(rollout, RolloutState::running);
      rollout.mutable_status()->clear_stop_reason();
    });
  }
  work.moved = true;
  return Acted{
      false, "Controller", "",
      (foreign.empty() ? "the controller goes on after its restore ("
                       : "this controller goes on, and not instance " + foreign + " with its identity (") +
          std::to_string(differences) + " differences were listed): " + request.reason};
}

}  // namespace metalmesh::controller
