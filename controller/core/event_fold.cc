#include "controller/core/event_fold.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "controller/core/actions/actions.h"
#include "controller/core/deployment_fold.h"
#include "controller/core/deployment_machine.h"
#include "controller/core/discoveries.h"
#include "controller/core/event_gaps.h"
#include "controller/core/event_text.h"
#include "controller/core/fences.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/inventories.h"
#include "controller/core/late_facts.h"
#include "controller/core/left_behind.h"
#include "controller/core/progress_model.h"
#include "controller/core/restore_hold.h"
#include "controller/core/sentences.h"
#include "controller/core/server_phases.h"
#include "controller/core/site_fold.h"
#include "controller/state/deployment_states.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller {
namespace {

wire::Fault untouched(wire::Fault fault) {
  if (fault.disk() == wire::DISK_STATE_UNSPECIFIED) fault.set_disk(wire::DISK_UNTOUCHED);
  return fault;
}

/// Answers to a cancel repeat the generation that it was asked for, whatever the site has.
bool answers_cancel(const wire::Event& event) { return event.has_cancel() || event.receipt().of_cancel(); }

/// A deployment that nobody remembers, with a generation above all that is known of its server, was started
/// before a restore: it is taken up again.
const rest::Deployment* learn_deployment(Work& work, const std::string& site, const wire::Event& event) {
  const MeshState& mesh = work.mesh();
  const auto server = mesh.servers.find(event.server());
  if (server == mesh.servers.end() || server->second.spec().site() != site ||
      event.generation() <= server->second.status().generation()) {
    return nullptr;
  }
  rest::Deployment learned;
  learned.set_id(event.deployment_id());
  learned.set_server(event.server());
  learned.set_site(site);
  learned.set_generation(event.generation());
  learned.set_action(event.work());
  learned.set_state(std::string(states::running));
  learned.set_fence(std::string(fences::none));
  learned.set_note("learned from the site: this controller was restored and did not remember it");
  *learned.mutable_created() = to_wire(work.now.wall());
  call_back_rivals(work, learned);
  work.ledger.raise_generation(machine_of(server->second), event.generation());
  work.ledger.put(learned);
  action_of(learned).handed_out(work, learned);
  work.moved = true;
  return &mesh.deployments.at(event.deployment_id());
}

struct Subject {
  const rest::Deployment* deployment = nullptr;  // none: nothing that may be folded
  bool news = false;                             // of a generation above the one that was known
};

/// The deployment this event is about. A higher generation than the known one means that the memory of this
/// controller is older than the event: it was restored from a backup.
Subject subject_of(Work& work, const std::string& site, const wire::Event& event) {
  if (event.deployment_id().empty()) return {};
  const MeshState& mesh = work.mesh();
  const auto named = mesh.servers.find(event.server());
  const std::string machine = named == mesh.servers.end() ? std::string() : machine_of(named->second);
  if (!is_possible_generation(work, machine, event.generation())) return {};
  const auto found = mesh.deployments.find(event.deployment_id());
  if (found == mesh.deployments.end()) {
    return {event.receipt().of_cancel() ? nullptr : learn_deployment(work, site, event), false};
  }
  const rest::Deployment& deployment = found->second;
  // A site that could not open an order does not know its server.
  const bool unopened = event.server().empty() && event.has_receipt() && !event.receipt().of_cancel();
  const bool of_site = deployment.site() == site || planted(Defect::told_for_others);
  if (!of_site || (deployment.server() != event.server() && !unopened)) return {};
  const bool answer = answers_cancel(event);
  const bool news = event.generation() > deployment.generation() && !answer;
  if (news) {
    work.ledger.change_deployment(deployment.id(),
                                  [&](rest::Deployment& d) { d.set_generation(event.generation()); });
    raise_fence(work, deployment.id(), event.generation());
    const auto server = mesh.servers.find(event.server());
    if (server != mesh.servers.end())
      work.ledger.raise_generation(machine_of(server->second), event.generation());
  }
  const bool fits = deployment.generation() == event.generation() ||
                    (answer && event.generation() > deployment.generation());
  return {fits ? &deployment : nullptr, news};
}

/// A restored controller may not remember to whom it handed the order.
void note_journal(Work& work, const std::string& deployment, const std::string& journal) {
  const auto known = work.ledger.inner().orders.find(deployment);
  if (known == work.ledger.inner().orders.end() || known->second.event_journal() == journal) return;
  record::Order order = known->second;
  order.set_event_journal(journal);
  work.ledger.put_order(deployment, std::move(order));
}

/// A later no is to the order's repetition. Of one that was accepted in a gap nobody knows here.
bool was_accepted(const rest::Deployment& deployment) {
  return deployment.launched() || deployment.stage() != wire::STAGE_UNSPECIFIED;
}

void fold_receipt(Work& work, const std::string& site, const std::string& journal, const wire::Event& event,
                  const rest::Deployment* deployment) {
  const wire::CommandReceipt& receipt = event.receipt();
  if (receipt.of_cancel()) return;
  if (deployment != nullptr) {
    if (receipt.accepted()) {
      note_journal(work, deployment->id(), journal);
      move_deployment(work, deployment->id(), Happening::taken);
    } else if (!was_accepted(*deployment) && !in_gap(work, site, journal)) {
      move_deployment(work, deployment->id(), Happening::refused, [&](rest::Deployment& d) {
        *d.mutable_fault() = untouched(receipt.refusal());
        d.set_disk(wire::DISK_UNTOUCHED);
      });
    }
    return;
  }
  // An inspection that the site refused would otherwise be waited for for ever.
  if (receipt.accepted()) return;
  const auto wishes = work.ledger.inner().wishes.find(site);
  if (wishes == work.ledger.inner().wishes.end()) return;
  for (const auto& [server, wish] : wishes->second) {
    if (wish.command_seq() == 0 || wish.command_seq() != receipt.command_seq()) continue;
    const std::string name = server;
    const record::InspectWish asked = wish;
    wire::Inspected failed;
    *failed.mutable_fault() = receipt.refusal();
    take_leftovers(work, name, asked, failed);
    work.ledger.erase_wish(site, name);
    if (work.mesh().servers.contains(name)) take_inspection(work, name, failed);
    return;
  }
}

/// The site's agent no longer knows what it did for this deployment.
void lose_job(Work& work, const std::string& site, const wire::StoreDamaged& damage) {
  const auto found = work.mesh().deployments.find(damage.deployment_id());
  if (damage.over() || found == work.mesh().deployments.end() || found->second.site() != site ||
      !is_in_flight(found->second.state())) {
    return;
  }
  const std::string id = found->first;
  move_deployment(work, id, Happening::lost, [&](rest::Deployment& d) {
    d.add_evidence(store_damaged(damage));
    outcome_unknown(d,
                    "the row of this job in the store of the site's agent is damaged (" + damage.row() +
                        "); what became of it is not known",
                    damage.next());
    d.set_keeps_place(true);  // the installer may run
  });
  work.ledger.note(line_about(work.mesh().deployments.at(id), "ended",
                              "INDETERMINATE: the site's agent lost the row of its job"),
                   work.now.wall());
}

/// An entry as a line of the log, whatever is in it. What this version cannot read is kept as it came.
rest::LogEvent read_entry(Work& work, const std::string& bytes) {
  rest::LogEvent line;
  wire::Event& event = *line.mutable_event();
  if (event.ParseFromString(bytes)) {
    line.set_type(type_of(event));
    line.set_message(sentence(event));
    return line;
  }
  line.set_entry(bytes);
  const auto repaired = with_valid_text(bytes, *wire::Event::descriptor());
  if (repaired && event.ParseFromString(*repaired)) {
    ++work.metrics.events_repaired;
    line.set_type(type_of(event));
    line.set_message(sentence(event));
    return line;
  }
  line.clear_event();
  ++work.metrics.events_unreadable;
  line.set_type("unreadable");
  line.set_message("an event of " + std::to_string(bytes.size()) +
                   " bytes cannot be read by this version: kept as it came, not applied. Next: upgrade the "
                   "controller, or look at the server that the site works on");
  return line;
}

std::string state_here(const Work& work, const wire::Event& event) {
  if (event.deployment_id().empty()) return {};
  const auto known = work.mesh().deployments.find(event.deployment_id());
  return known == work.mesh().deployments.end() ? "not known" : known->second.state();
}

/// After these nothing of the generation starts any more: the answer to a cancel, and the end.
bool proves_fence(const Work& work, const std::string& site, const wire::Event& event) {
  const auto fence = work.mesh().fences.find(event.deployment_id());
  if (fence == work.mesh().fences.end() || fence->second.site() != site ||
      event.generation() < fence->second.generation()) {
    return false;
  }
  return event.has_cancel() || event.has_ended();
}

/// The agent that says so may be lost with what it has inserted.
bool may_hold_medium(const Work& work, const wire::Event& event) {
  const Action& action = action_of(work.mesh().deployments.at(event.deployment_id()));
  return event.has_stage() && event.stage().stage() >= wire::INSERT && event.stage().stage() < wire::DONE &&
         (action.wipes || action.runs_anything) && !planted(Defect::rivals_media_not_sought);
}

/// Later events will end the deployment, or this one does.
bool says_how_it_goes_on(const wire::Event& event) {
  if (event.has_stage()) return event.stage().stage() < wire::DONE;
  return event.has_armed() || event.has_launched() || event.has_held() || event.has_retry() ||
         event.has_ended();
}

}  // namespace

void fold_event(Work& work, const std::string& site, const std::string& journal, std::uint64_t seq,
                const std::string& bytes) {
  rest::LogEvent line = read_entry(work, bytes);
  const wire::Event event = line.event();
  ++work.metrics.events_folded;
  line.set_site(site);
  line.set_journal_id(journal);
  line.set_seq(seq);
  line.set_server(event.server());
  line.set_deployment(event.deployment_id());

  const std::string was = state_here(work, event);
  const Subject subject = subject_of(work, site, event);
  if (subject.deployment != nullptr) line.set_rollout(subject.deployment->rollout());
  if (subject.deployment == nullptr && !event.deployment_id().empty()) {
    ++work.metrics.events_foreign;
    line.set_message(line.message() + " (of no deployment that is known here: noted, not applied)");
  }
  // What a machine is made of has a row of its own.
  if (event.has_inspected()) line.mutable_event()->mutable_inspected()->clear_inventory();
  work.ledger.note(std::move(line), work.now.wall());
  if (subject.deployment != nullptr && disproves(event, *subject.deployment, subject.news))
    reopen(work, subject.deployment->id(), event);

  SiteLink* link = work.link(site);
  // Of an agent that is not followed only what it did counts, not how things stand with it.
  const bool followed = link == nullptr || journal == link->event_journal();
  switch (followed || subject.deployment != nullptr ? event.body_case() : wire::Event::BODY_NOT_SET) {
    case wire::Event::kReceipt:
      fold_receipt(work, site, journal, event, subject.deployment);
      break;
    case wire::Event::kInspected:
      if (event.deployment_id().empty()) {
        fold_inspected(work, site, event);
      } else if (subject.deployment != nullptr) {
        fold_ordered_inspection(work, *subject.deployment, event.inspected());
      }
      break;
    case wire::Event::kCredentialHeld:
    case wire::Event::kCredentialReleased:
      fold_credential(work, site, event);
      break;
    case wire::Event::kImage:
      fold_image(work, site, event.image());
      break;
    case wire::Event::kStateReport:
      fold_state_report(work, site, event.state_report());
      break;
    case wire::Event::kClockDoubted:
      if (link != nullptr) {
        const wire::ClockDoubted& doubt = event.clock_doubted();
        link->set_clock_doubt(doubt.over() ? std::string() : clock_doubted(doubt));
      }
      break;
    case wire::Event::kStoreDamaged:
      if (link != nullptr) link->note_damage(event.store_damaged());
      lose_job(work, site, event.store_damaged());
      break;
    case wire::Event::kFamilies:
      if (link != nullptr) link->know_families(event.families());
      break;
    case wire::Event::kSiteDiagnosed:
      fold_site_diagnosed(work, site, event.site_diagnosed());
      break;
    case wire::Event::kDiscovered:
      fold_discovered(work, site, event.discovered());
      break;
    case wire::Event::kJournalOpened:
      if (link != nullptr) link->set_machine(event.journal_opened().machine_id());
      break;
    default:
      if (subject.deployment != nullptr) {
        fold_deployment(work, *subject.deployment, journal, event);
      } else if (event.has_held() && event.deployment_id().empty()) {
        fold_site_held(work, site, event.held());
      }
  }
  if (!followed && subject.deployment != nullptr && may_hold_medium(work, event))
    look_for_ours(work, event.deployment_id());
  if (link != nullptr && says_how_it_goes_on(event) &&
      work.mesh().deployments.contains(event.deployment_id()))
    link->note_told(event.deployment_id());
  if (proves_fence(work, site, event)) confirm_fence(work, event.deployment_id());
  if (const std::string is = state_here(work, event); is != was)
    note_difference(work, difference(site, event.server(), event.deployment_id(), was, is));
}

void void_site(Work& work, const std::string& site, const std::string& journal) {
  if (planted(Defect::lost_journal_not_voided)) return;
  ++work.metrics.journals_lost;
  std::vector<std::string> open;
  for (const auto& [id, deployment] : work.mesh().deployments) {
    if (deployment.site() == site && is_in_flight(deployment.state())) open.push_back(id);
  }
  const SiteLink* now_followed = work.link(site);
  const std::uint64_t had = now_followed == nullptr ? 0 : now_followed->side_cursor(journal);
  rest::LogEvent line;
  line.set_type("site");
  line.set_site(site);
  line.set_journal_id(journal);
  line.set_message("the agent of " + site + " lost its journal " + journal +
                   ": commands sent to it are void, " + std::to_string(open.size()) +
                   " open deployments are INDETERMINATE. What it told behind event " + std::to_string(had) +
                   " is taken in if the agent that has it comes back");
  line.mutable_gap()->set_from(had + 1);
  work.ledger.note(std::move(line), work.now.wall());
  for (const std::string& id : open) {
    move_deployment(work, id, Happening::lost, [&](rest::Deployment& d) {
      d.add_evidence("the site's agent lost its journal " + journal + " while this was " +
                     (d.launched() ? "running its installer" : "handed out, not known to be launched"));
      outcome_unknown(d, "the site's agent lost its journal " + journal + "; what it did last is not known");
      d.set_keeps_place(true);  // the installer may run: who would say so is gone
    });
    owe_fence(work, id, "the site's agent lost the journal that had the order", journal);
    work.ledger.note(line_about(work.mesh().deployments.at(id), "ended",
                                "INDETERMINATE: the site's agent lost its journal"),
                     work.now.wall());
    if (may_have_wiped(work.mesh().deployments.at(id))) look_for_ours(work, id);
  }
  for (const std::string& id : fences_owed_by(work.mesh(), site, journal)) {
    const auto known = work.mesh().deployments.find(id);
    // That it succeeded she may have seen for herself, and it frees nobody's disk.
    if (known == work.mesh().deployments.end() || known->second.state() == states::succeeded) continue;
    doubt_word(work, id,
               "the site's agent lost journal " + journal + " before it confirmed that nothing was launched");
    if (is_unresolved(known->second)) look_for_ours(work, id);
  }
  doubt_pending(work, site);
}

}  // namespace metalmesh::controller
