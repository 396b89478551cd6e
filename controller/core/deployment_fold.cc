#include "controller/core/deployment_fold.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "common/text/utf8.h"
#include "controller/core/actions/actions.h"
#include "controller/core/deployment_machine.h"
#include "controller/core/event_gaps.h"
#include "controller/core/fences.h"
#include "controller/core/late_facts.h"
#include "controller/core/progress_model.h"
#include "controller/core/sentences.h"
#include "controller/core/transcripts.h"
#include "controller/state/deployment_states.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller {
namespace {

constexpr int evidence_limit = 32;
constexpr std::size_t power_text = 32;  // "On", "PoweringOff", ...

Happening happening_of(wire::Ended::Outcome outcome) {
  if (planted(Defect::ends_called_succeeded) &&
      (outcome == wire::Ended::FAILED || outcome == wire::Ended::UNPROVEN)) {
    return Happening::succeeded;
  }
  switch (outcome) {
    case wire::Ended::SUCCEEDED:
      return Happening::succeeded;
    case wire::Ended::UNPROVEN:
      return Happening::unproven;
    case wire::Ended::FAILED:
      return Happening::failed;
    case wire::Ended::CANCELLED:
      return Happening::cancelled;
    default:
      return Happening::indeterminate;  // an end we cannot read is not guessed
  }
}

std::optional<InstallFigures> earlier_installs(const Work& work, const rest::Deployment& deployment) {
  const auto rollout = work.mesh().rollouts.find(deployment.rollout());
  if (rollout == work.mesh().rollouts.end()) return std::nullopt;
  return work.mesh().installs.of(deployment.site(), rollout->second.status().plan().profile());
}

/// Another agent may have had the same order: of the disk, neither can say that nobody touched it. Nor can one that
/// is in quarantine, by our word or by its own: what it has forgotten may be what it did.
bool cannot_say_untouched(const Work& work, const rest::Deployment& deployment) {
  if (!action_of(deployment).wipes) return false;
  const SiteLink* link = work.link(deployment.site());
  const auto order = work.ledger.inner().orders.find(deployment.id());
  return link != nullptr && order != work.ledger.inner().orders.end() &&
         (link->may_have_forgotten() || link->obeyed_by_two(order->second));
}

constexpr char two_may_run[] =
    "the site had two agents, or two histories, when it had this order: another one may have written the "
    "disk";

/// Of the host, as its site read it last. What only reads tells it itself, where its server was not moved meanwhile.
void note_power(Work& work, const std::string& id, const std::string& power) {
  const rest::Deployment& deployment = work.mesh().deployments.at(id);
  const std::string& server = deployment.server();
  if (power.empty() || !action_of(deployment).changes || !work.mesh().servers.contains(server)) return;
  work.ledger.change_server(
      server, [&](rest::Server& s) { s.mutable_status()->set_power(Utf8(power).cut(power_text).str()); });
}

void fold_ended(Work& work, const std::string& id, const std::string& journal, const wire::Event& event) {
  const wire::Ended& end = event.ended();
  if (end.has_transcript()) name_transcript(work, id, end.transcript(), journal);
  wire::DiskState disk = end.disk();
  if (disk == wire::DISK_STATE_UNSPECIFIED && end.has_fault()) disk = end.fault().disk();
  const rest::Deployment& ending = work.mesh().deployments.at(id);
  const bool nothing_done = end.outcome() == wire::Ended::FAILED || end.outcome() == wire::Ended::CANCELLED;
  const bool doubted = is_open(ending.state()) && nothing_done && !may_have_wiped_disk(disk) &&
                       cannot_say_untouched(work, ending);
  const auto details = [&](rest::Deployment& d) {
    d.set_stage(wire::DONE);
    if (d.has_launched_at() && event.has_at())
      *d.mutable_ran() = to_wire(from_wire(event.at()) - from_wire(d.launched_at()));
    d.set_proof(end.proof());
    d.set_answer_sha256(end.answer_sha256());
    d.set_bytes_read(std::max(d.bytes_read(), end.bytes_read()));
    d.clear_evidence();
    for (const std::string& one : end.evidence()) {
      if (d.evidence_size() < evidence_limit) d.add_evidence(one);
    }
    d.clear_findings();
    for (const wire::Finding& finding : end.findings()) {
      if (d.findings_size() < most_findings) *d.add_findings() = finding;
    }
    d.clear_fault();
    if (end.has_fault()) *d.mutable_fault() = end.fault();
    if (doubted) d.add_evidence(two_may_run);
    if (doubted) disk = wire::DISK_UNKNOWN;
    d.set_disk(planted(Defect::ends_called_untouched) ? wire::DISK_UNTOUCHED : disk);
    *d.mutable_debts() = end.debts();
    d.clear_note();
    advance_progress(d, {}, std::nullopt, work.now.wall());
  };
  const Happening what = doubted ? Happening::indeterminate : happening_of(end.outcome());
  const bool moved = move_deployment(work, id, what, details);
  if (moved) note_power(work, id, end.power());
  // Its medium is in because its installer may still run: it counts for the limits until the site lets go.
  if (end.medium_in() && action_of(ending).wipes && !planted(Defect::custody_frees_place))
    keep_place(work, id);
  if (moved) return;
  const rest::Deployment& known = work.mesh().deployments.at(id);
  if (nothing_done && !may_have_wiped_disk(disk) && cannot_say_untouched(work, known))
    doubt_word(work, id, two_may_run);
  if (known.state() == states::cancelled && known.resolved_by().empty() &&
      end.outcome() == wire::Ended::CANCELLED) {
    // A cancel is answered before its cleanup: what that left behind comes with the end.
    work.ledger.change_deployment(id, [&](rest::Deployment& d) {
      details(d);
      keep_to_nature(d);
    });
  } else if (end.debts_size() > 0) {
    // It had ended for us before the site was through, say by a person's word. That stands; what is left
    // behind is told all the same.
    work.ledger.change_deployment(id, [&](rest::Deployment& d) { *d.mutable_debts() = end.debts(); });
  }
}

/// Its end stands; what it left behind is known only now.
void fold_released(Work& work, const std::string& id, const wire::MediumReleased& released) {
  leave_place(work, id);
  work.ledger.change_deployment(id, [&](rest::Deployment& d) {
    *d.mutable_debts() = released.debts();
    if (d.evidence_size() < evidence_limit)
      d.add_evidence(released.ground() == wire::MediumReleased::INSTALLER_ENDED
                         ? "afterwards: the installer had read what it needs, and the host went off"
                     : released.ground() == wire::MediumReleased::HOST_OFF
                         ? "afterwards: the host went off in the middle of the install"
                         : "afterwards: its medium was taken out");
  });
}

/// The journal that speaks is the one that the order was handed to: what it does not know did not happen.
bool would_know(const Work& work, const std::string& deployment, const std::string& journal) {
  const auto order = work.ledger.inner().orders.find(deployment);
  return order != work.ledger.inner().orders.end() && order->second.event_journal() == journal;
}

void fold_cancel(Work& work, const rest::Deployment& deployment, const std::string& journal,
                 const wire::CancelAnswer& answer) {
  const std::string id = deployment.id();
  if (answer.answer() != wire::CancelAnswer::TOO_LATE && cannot_say_untouched(work, deployment)) {
    // That it succeeded she may have seen for herself, and it frees nobody's disk.
    if (!is_open(deployment.state())) {
      if (deployment.state() != states::succeeded) doubt_word(work, id, two_may_run);
      return;
    }
    move_deployment(work, id, Happening::indeterminate, [](rest::Deployment& d) {
      d.add_evidence(two_may_run);
      d.set_disk(wire::DISK_UNKNOWN);
    });
    return;
  }
  switch (answer.answer()) {
    case wire::CancelAnswer::CANCELLED:
      move_deployment(work, id, Happening::cancel_granted,
                      [](rest::Deployment& d) { d.set_disk(wire::DISK_UNTOUCHED); });
      return;
    case wire::CancelAnswer::TOO_LATE:
      move_deployment(work, id, Happening::cancel_late, [](rest::Deployment& d) {
        d.set_launched(true);
        if (!may_have_wiped_disk(d.disk())) d.set_disk(wire::DISK_BEING_WRITTEN);
        d.set_note(action_of(d).runs_anything ? "it is being ended, as asked"
                                              : "the cancel came too late: it goes on");
      });
      return;
    case wire::CancelAnswer::NOT_RUNNING:
      // Ends come before this answer in the stream. If it is still open here, the site never ran it, or does
      // not know any more what became of it: after a launch, or when another journal had the order. Behind a
      // gap, its launch and its end may be among what is missing, whatever a person said of it.
      if (!is_open(deployment.state())) {
        if (in_gap(work, deployment.site(), journal)) doubt_in_gap(work, id);
      } else if (const bool missing = in_gap(work, deployment.site(), journal);
                 missing || deployment.launched() ||
                 (is_in_flight(deployment.state()) && !would_know(work, id, journal))) {
        move_deployment(work, id, Happening::indeterminate, [missing](rest::Deployment& d) {
          d.add_evidence(
              missing        ? "the site answered that it is not running it, and the events that say what "
                               "became of it are missing"
              : d.launched() ? "it was launched, but the site answered that it is not running it"
                             : "the site answered that it is not running it, and need not know: that "
                               "this journal of its had the order is not remembered");
          d.set_disk(wire::DISK_UNKNOWN);
        });
      } else {
        move_deployment(work, id, Happening::cancel_granted,
                        [](rest::Deployment& d) { d.set_disk(wire::DISK_UNTOUCHED); });
      }
      return;
    default:
      return;
  }
}

}  // namespace

void fold_deployment(Work& work, const rest::Deployment& deployment, const std::string& journal,
                     const wire::Event& event) {
  const std::string id = deployment.id();
  const std::optional<InstallFigures> earlier = earlier_installs(work, deployment);
  const auto progress = [&](const std::function<void(rest::Deployment&)>& edit) {
    move_deployment(work, id, Happening::progressed, [&](rest::Deployment& d) {
      edit(d);
      advance_progress(d, {}, earlier, work.now.wall());
    });
  };
  switch (event.body_case()) {
    case wire::Event::kStage:
      return progress([&](rest::Deployment& d) {
        d.set_stage(event.stage().stage());
        const bool begins = event.stage().stage() == wire::CONNECT && !d.has_started();
        if (begins && event.has_at()) *d.mutable_started() = event.at();
        d.set_note(event.stage().note());
      });
    case wire::Event::kArmed:
      return progress([&](rest::Deployment& d) {
        d.set_stage(wire::ARM);
        d.set_note("armed until " + for_people(event.armed().launch_by()));
      });
    case wire::Event::kLaunched:
      return progress([&](rest::Deployment& d) {
        if (planted(Defect::reopened_keeps_old_word) && d.contradicted_size() > 0) return;
        d.set_launched(true);
        if (event.has_at()) *d.mutable_launched_at() = event.at();
        d.set_disk(wire::DISK_BEING_WRITTEN);
        d.clear_note();
      });
    case wire::Event::kHeld:
      return progress([&](rest::Deployment& d) { d.set_note(sentence(event.held().fault())); });
    case wire::Event::kRetry:
      return progress([&](rest::Deployment& d) {
        d.set_attempt(event.retry().attempt());
        d.set_note("retry after " + sentence(event.retry().fault()));
      });
    case wire::Event::kCancel:
      return fold_cancel(work, deployment, journal, event.cancel());
    case wire::Event::kEnded:
      return fold_ended(work, id, journal, event);
    case wire::Event::kReleased:
      return fold_released(work, id, event.released());
    default:
      return;
  }
}

void fold_sample(Work& work, const std::string& site, const wire::Sample& sample) {
  const auto found = work.mesh().deployments.find(sample.deployment_id());
  if (found == work.mesh().deployments.end() || found->second.site() != site ||
      !is_in_flight(found->second.state())) {
    return;
  }
  ++work.metrics.samples_taken;
  rest::Deployment& live = work.ledger.live_deployment(sample.deployment_id());
  // A late sample must not turn anything back.
  live.set_bytes_read(std::max(live.bytes_read(), sample.bytes_read()));
  live.set_package_bytes(std::max(live.package_bytes(), sample.package_bytes()));
  live.set_media_size(std::max(live.media_size(), sample.media_size()));
  live.set_bytes_per_second(sample.bytes_per_second());
  advance_progress(live, {sample.proof(), sample.boot_progress(), sample.percent()},
                   earlier_installs(work, live), work.now.wall());
}

}  // namespace metalmesh::controller
