#include "controller/core/event_fold.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "controller/core/deployment_machine.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/object_apply.h"
#include "controller/core/prefetches.h"
#include "controller/core/progress_model.h"
#include "controller/core/sentences.h"
#include "controller/core/server_phases.h"
#include "controller/state/deployment_states.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller {
namespace {

constexpr int evidence_limit = 32;

wire::Fault untouched(wire::Fault fault) {
  if (fault.disk() == wire::DISK_STATE_UNSPECIFIED) fault.set_disk(wire::DISK_UNTOUCHED);
  return fault;
}

/// The order in the controller's memory is older than this event: it was restored from a backup.
bool is_news_of_us(const rest::Deployment& deployment, const wire::Event& event) {
  return event.generation() > deployment.generation() &&
         (deployment.state() == states::pending || deployment.state() == states::issued);
}

/// The deployment this event is about, if it may be folded. A deployment that nobody remembers, with a
/// generation above all that is known of its server, was started before a restore: it is taken up again.
const rest::Deployment* deployment_of(Work& work, const std::string& site, const wire::Event& event) {
  if (event.deployment_id().empty()) return nullptr;
  const MeshState& mesh = work.mesh();
  const auto server = mesh.servers.find(event.server());
  const auto found = mesh.deployments.find(event.deployment_id());
  if (found == mesh.deployments.end()) {
    if (server == mesh.servers.end() || server->second.spec().site() != site ||
        event.generation() <= server->second.status().generation() ||
        open_deployment(mesh, server->second) != nullptr) {
      return nullptr;
    }
    rest::Deployment learned;
    learned.set_id(event.deployment_id());
    learned.set_server(event.server());
    learned.set_site(site);
    learned.set_generation(event.generation());
    learned.set_state(std::string(states::running));
    learned.set_note("learned from the site: this controller was restored and did not remember it");
    *learned.mutable_created() = to_wire(work.now.wall());
    work.ledger.raise_generation(machine_of(server->second), event.generation());
    work.ledger.put(learned);
    mark_installing(work, learned);
    return &mesh.deployments.at(event.deployment_id());
  }
  const rest::Deployment& deployment = found->second;
  if (deployment.site() != site || deployment.server() != event.server()) return nullptr;
  if (is_news_of_us(deployment, event)) {
    work.ledger.change_deployment(deployment.id(),
                                  [&](rest::Deployment& d) { d.set_generation(event.generation()); });
    if (server != mesh.servers.end()) {
      work.ledger.raise_generation(machine_of(server->second), event.generation());
    }
  }
  return deployment.generation() == event.generation() ? &deployment : nullptr;
}

void fold_receipt(Work& work, const std::string& site, const wire::Event& event,
                  const rest::Deployment* deployment) {
  const wire::CommandReceipt& receipt = event.receipt();
  if (deployment != nullptr) {
    const auto order = work.ledger.inner().orders.find(deployment->id());
    const bool of_cancel = order != work.ledger.inner().orders.end() && order->second.cancel_seq() != 0 &&
                           receipt.command_seq() == order->second.cancel_seq();
    if (of_cancel) return;
    if (receipt.accepted()) {
      move_deployment(work, deployment->id(), Happening::taken);
    } else {
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
    wire::Inspected failed;
    *failed.mutable_fault() = receipt.refusal();
    work.ledger.erase_wish(site, name);
    if (work.mesh().servers.contains(name)) take_inspection(work, name, failed);
    return;
  }
}

Happening happening_of(wire::Ended::Outcome outcome) {
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

void fold_ended(Work& work, const std::string& id, const wire::Event& event) {
  const wire::Ended& end = event.ended();
  const auto details = [&](rest::Deployment& d) {
    d.set_stage(wire::DONE);
    if (d.has_launched_at() && event.has_at())
      *d.mutable_ran() = to_wire(from_wire(event.at()) - from_wire(d.launched_at()));
    d.set_proof(end.proof());
    d.clear_evidence();
    for (const std::string& one : end.evidence()) {
      if (d.evidence_size() < evidence_limit) d.add_evidence(one);
    }
    d.clear_fault();
    if (end.has_fault()) *d.mutable_fault() = end.fault();
    wire::DiskState disk = end.disk();
    if (disk == wire::DISK_STATE_UNSPECIFIED && end.has_fault()) disk = end.fault().disk();
    d.set_disk(disk);
    *d.mutable_debts() = end.debts();
    d.clear_note();
    advance_progress(d, {}, std::nullopt, work.now.wall());
  };
  if (move_deployment(work, id, happening_of(end.outcome()), details)) return;
  const rest::Deployment& known = work.mesh().deployments.at(id);
  if (known.state() == states::cancelled && known.resolved_by().empty() &&
      end.outcome() == wire::Ended::CANCELLED) {
    // A cancel is answered before its cleanup: what that left behind comes with the end.
    work.ledger.change_deployment(id, details);
  } else if (end.debts_size() > 0) {
    // It had ended for us before the site was through, say by a person's word. That stands; what is left
    // behind is told all the same.
    work.ledger.change_deployment(id, [&](rest::Deployment& d) { *d.mutable_debts() = end.debts(); });
  }
}

/// Its end stands; what it left behind is known only now.
void fold_released(Work& work, const std::string& id, const wire::MediumReleased& released) {
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

void fold_cancel(Work& work, const rest::Deployment& deployment, const wire::CancelAnswer& answer) {
  const std::string id = deployment.id();
  switch (answer.answer()) {
    case wire::CancelAnswer::CANCELLED:
      move_deployment(work, id, Happening::cancel_granted,
                      [](rest::Deployment& d) { d.set_disk(wire::DISK_UNTOUCHED); });
      return;
    case wire::CancelAnswer::TOO_LATE:
      move_deployment(work, id, Happening::cancel_late, [](rest::Deployment& d) {
        d.set_launched(true);
        d.set_note("the cancel came too late: it goes on");
      });
      return;
    case wire::CancelAnswer::NOT_RUNNING:
      // Ends come before this answer in the stream. If it is still open here, the site never ran it, or,
      // after a launch, does not know any more what became of it.
      if (deployment.launched()) {
        move_deployment(work, id, Happening::indeterminate, [](rest::Deployment& d) {
          d.add_evidence("it was launched, but the site answered that it is not running it");
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

void fold_deployment(Work& work, const rest::Deployment& deployment, const wire::Event& event) {
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
      return fold_cancel(work, deployment, event.cancel());
    case wire::Event::kEnded:
      return fold_ended(work, id, event);
    case wire::Event::kReleased:
      return fold_released(work, id, event.released());
    default:
      return;
  }
}

void fold_inspected(Work& work, const std::string& site, const wire::Event& event) {
  const auto server = work.mesh().servers.find(event.server());
  if (server == work.mesh().servers.end() || server->second.spec().site() != site) {
    ++work.metrics.events_foreign;
    return;
  }
  // An answer to an older question may speak of another BMC address.
  const auto wishes = work.ledger.inner().wishes.find(site);
  if (wishes != work.ledger.inner().wishes.end()) {
    const auto wish = wishes->second.find(event.server());
    if (wish != wishes->second.end()) {
      if (wish->second.request_id() != event.inspected().request_id()) return;
      work.ledger.erase_wish(site, event.server());
    }
  }
  take_inspection(work, event.server(), event.inspected());
}

/// Jobs wait for a password, inspections do not: those that failed for want of it are asked for again.
void inspect_again(Work& work, const std::string& site, const std::string& credential) {
  std::vector<std::string> names;
  for (const auto& [name, server] : work.mesh().servers) {
    if (server.spec().site() != site) continue;
    if (bmc_target(server, &work.mesh().sites.at(site)).credential() != credential) continue;
    const bool failed_for_it = std::ranges::any_of(server.status().conditions(), [](const auto& condition) {
      return condition.status() == "False" &&
             (condition.reason() == wire::FaultCode_Name(wire::CREDENTIAL_MISSING) ||
              condition.reason() == wire::FaultCode_Name(wire::BMC_LOGIN_REFUSED));
    });
    if (failed_for_it) names.push_back(name);
  }
  for (const std::string& name : names) wish_inspection(work, name, AskedBy::person);
}

void fold_credential(Work& work, const std::string& site, const wire::Event& event) {
  const bool held = event.has_credential_held();
  const std::string& name =
      held ? event.credential_held().credential() : event.credential_released().credential();
  const auto found = work.mesh().credentials.find(name);
  if (found == work.mesh().credentials.end()) return;
  if (!found->second.spec().site().empty() && found->second.spec().site() != site) return;
  work.ledger.change_credential(name, [&](rest::Credential& credential) {
    auto& status = *credential.mutable_status();
    status.set_held(held);
    status.set_refusals(held ? event.credential_held().refusals() : 0);
    status.set_jobs_held(held ? event.credential_held().jobs_held() : 0);
    *status.mutable_bmcs() = event.credential_held().bmcs();
  });
  if (!held) inspect_again(work, site, name);
}

void fold_image(Work& work, const std::string& site, const wire::ImageAtSite& report) {
  std::vector<std::string> names;
  for (const auto& [name, image] : work.mesh().images) {
    if (image.spec().iso().sha256() == report.sha256()) names.push_back(name);
  }
  for (const std::string& name : names) {
    work.ledger.change_image(name, [&](rest::Image& image) {
      auto& ready = *image.mutable_status()->mutable_ready_at();
      const auto at = std::ranges::find(ready, site);
      if (report.ready() && at == ready.end()) ready.Add(std::string(site));
      if (!report.ready() && at != ready.end()) ready.erase(at);
    });
  }
  const std::vector<std::string> all = prefetches_at(work.mesh(), site, {});
  const std::vector<std::string> unsent = prefetches_at(work.mesh(), site, prefetches::asked);
  const std::string_view state = report.ready()     ? prefetches::ready
                                 : report.evicted() ? prefetches::evicted
                                                    : prefetches::failed;
  for (const std::string& name : names) {
    const bool before_it_was_told = !report.ready() && std::ranges::find(unsent, name) != unsent.end();
    if (before_it_was_told || std::ranges::find(all, name) == all.end()) continue;
    set_prefetch(work, name, site, state, report.has_fault() ? sentence(report.fault()) : "");
  }
}

/// The open deployments of `site` that were handed out over a command journal that is gone.
std::vector<std::string> orders_in_doubt(const Work& work, const std::string& site, const SiteLink& link) {
  std::vector<std::string> doubtful;
  for (const auto& [id, order] : work.ledger.inner().orders) {
    const auto found = work.mesh().deployments.find(id);
    if (found != work.mesh().deployments.end() && found->second.site() == site &&
        is_in_flight(found->second.state()) && order.command_journal() != link.command_journal()) {
      doubtful.push_back(id);
    }
  }
  return doubtful;
}

/// After a restore: raises every fence to what the site knows; with the last piece decides about orders in
/// doubt.
void fold_state_report(Work& work, const std::string& site, const wire::StateReport& report) {
  for (const auto& fence : report.fences()) {
    if (!fence.machine().empty()) {
      work.ledger.raise_generation(fence.machine(), std::max(fence.generation(), fence.cancelled_to()));
    }
  }
  SiteLink* link = work.link(site);
  if (link == nullptr || !link->awaits(report.request_id())) return;
  const std::vector<std::string> doubtful = orders_in_doubt(work, site, *link);
  for (const std::string& id : doubtful) {
    const std::string machine = machine_of(work.ledger.inner().orders.at(id).order().identity());
    const auto fence = std::ranges::find(report.fences(), machine, &wire::StateReport::Fence::machine);
    if (fence != report.fences().end() &&
        fence->generation() >= work.mesh().deployments.at(id).generation()) {
      link->note_seen_order(id);
    }
  }
  if (report.more()) return;
  const auto& seen = link->row().seen_orders();
  for (const std::string& id : doubtful) {
    if (std::ranges::find(seen, id) != seen.end()) {
      // Its events, replayed or to come, say the rest. A cancel that got no answer is asked again.
      record::Order order = work.ledger.inner().orders.at(id);
      order.set_cancel_seq(0);
      work.ledger.put_order(id, std::move(order));
    } else {
      // Never there, and refused from now on because its epoch is old.
      move_deployment(work, id, Happening::never_seen,
                      [](rest::Deployment& d) { d.set_note("the site never got this order"); });
    }
  }
  link->learned();
  work.moved = true;  // what waited for this may go out
}

}  // namespace

void fold_event(Work& work, const std::string& site, const std::string& journal, std::uint64_t seq,
                const std::string& bytes) {
  rest::LogEvent line;
  wire::Event& event = *line.mutable_event();
  if (!event.ParseFromString(bytes)) event.Clear();
  ++work.metrics.events_folded;
  line.set_site(site);
  line.set_journal_id(journal);
  line.set_seq(seq);
  line.set_type(type_of(event));
  line.set_server(event.server());
  line.set_deployment(event.deployment_id());
  line.set_message(sentence(event));

  const rest::Deployment* deployment = deployment_of(work, site, event);
  if (deployment != nullptr) line.set_rollout(deployment->rollout());
  if (deployment == nullptr && !event.deployment_id().empty()) {
    ++work.metrics.events_foreign;
    line.set_message(line.message() + " (of no deployment that is open here: noted, not applied)");
  }
  const rest::LogEvent kept = line;
  work.ledger.note(std::move(line), work.now.wall());

  switch (kept.event().body_case()) {
    case wire::Event::kReceipt:
      return fold_receipt(work, site, kept.event(), deployment);
    case wire::Event::kInspected:
      return fold_inspected(work, site, kept.event());
    case wire::Event::kCredentialHeld:
    case wire::Event::kCredentialReleased:
      return fold_credential(work, site, kept.event());
    case wire::Event::kImage:
      return fold_image(work, site, kept.event().image());
    case wire::Event::kStateReport:
      return fold_state_report(work, site, kept.event().state_report());
    case wire::Event::kJournalOpened:
      if (SiteLink* link = work.link(site)) link->set_machine(kept.event().journal_opened().machine_id());
      return;
    default:
      if (deployment != nullptr) fold_deployment(work, *deployment, kept.event());
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

void void_site(Work& work, const std::string& site, const std::string& journal) {
  if (planted(Defect::lost_journal_not_voided)) return;
  ++work.metrics.journals_lost;
  std::vector<std::string> open;
  for (const auto& [id, deployment] : work.mesh().deployments) {
    if (deployment.site() == site && is_in_flight(deployment.state())) open.push_back(id);
  }
  rest::LogEvent line;
  line.set_type("site");
  line.set_site(site);
  line.set_journal_id(journal);
  line.set_message("the agent of " + site + " lost its journal " + journal +
                   ": commands sent to it are void, " + std::to_string(open.size()) +
                   " open deployments are INDETERMINATE");
  work.ledger.note(std::move(line), work.now.wall());
  for (const std::string& id : open) {
    move_deployment(work, id, Happening::lost, [&](rest::Deployment& d) {
      d.add_evidence("the site's agent lost its journal " + journal + " while this was " +
                     (d.launched() ? "running its installer" : "handed out, not known to be launched"));
      d.mutable_fault()->set_code(wire::OUTCOME_UNKNOWN);
      d.mutable_fault()->set_seen("the site's agent lost its journal " + journal +
                                  "; what it did last is not known");
      d.mutable_fault()->set_disk(wire::DISK_UNKNOWN);
      d.mutable_fault()->set_next("look at the server, then: " + commands::resolve_either_way(id));
      d.set_disk(wire::DISK_UNKNOWN);
    });
    work.ledger.note(line_about(work.mesh().deployments.at(id), "ended",
                                "INDETERMINATE: the site's agent lost its journal"),
                     work.now.wall());
  }
}

}  // namespace metalmesh::controller
