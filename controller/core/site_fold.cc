#include "controller/core/site_fold.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "common/ports/wire_time.h"
#include "controller/core/actions/actions.h"
#include "controller/core/deployment_machine.h"
#include "controller/core/event_gaps.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/image_surveys.h"
#include "controller/core/left_behind.h"
#include "controller/core/object_apply.h"
#include "controller/core/order_builder.h"
#include "controller/core/prefetches.h"
#include "controller/core/restore_hold.h"
#include "controller/core/sentences.h"
#include "controller/core/server_phases.h"
#include "controller/core/site_counts.h"
#include "controller/state/deployment_states.h"

namespace metalmesh::controller {
namespace {

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

/// A restored controller that knows fewer orders of a machine than its site lists the server.
void tell_generation(Work& work, const std::string& site, const wire::StateReport::Fence& fence) {
  const std::uint64_t known = work.ledger.generation(fence.machine());
  if (!work.mesh().hold || fence.generation() <= known) return;
  const auto server = std::ranges::find_if(
      work.mesh().servers, [&](const auto& entry) { return machine_of(entry.second) == fence.machine(); });
  const std::string name = server == work.mesh().servers.end() ? fence.machine() : server->first;
  note_difference(work, difference(site, name, "", "order " + std::to_string(known),
                                   "order " + std::to_string(fence.generation())));
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

}  // namespace

bool is_possible_generation(const Work& work, const std::string& machine, std::uint64_t told) {
  // A site that lost its journal gets numbers from the clock (SiteLink::judge_events).
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(work.now.wall().time_since_epoch());
  const std::uint64_t known =
      std::max(work.ledger.generation(machine), static_cast<std::uint64_t>(seconds.count()));
  return !counts::beyond(told, known, counts::most_generations);
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
      take_leftovers(work, event.server(), record::InspectWish(wish->second), event.inspected());
      work.ledger.erase_wish(site, event.server());
    }
  }
  take_inspection(work, event.server(), event.inspected());
}

void fold_ordered_inspection(Work& work, const rest::Deployment& deployment, const wire::Inspected& seen) {
  const auto server = work.mesh().servers.find(deployment.server());
  const auto order = work.ledger.inner().orders.find(deployment.id());
  if (server == work.mesh().servers.end() || order == work.ledger.inner().orders.end()) return;
  // Ordered before the server was moved, it speaks of another BMC.
  const bool is_there = server->second.spec().site() == deployment.site() &&
                        server->second.spec().bmc().address() == agreed_in(order->second).bmc().address();
  if (is_there) take_inspection(work, deployment.server(), seen);
}

void fold_site_diagnosed(Work& work, const std::string& site, const wire::SiteDiagnosed& answer) {
  const auto found = work.mesh().sites.find(site);
  if (found == work.mesh().sites.end()) return;
  const rest::SiteDoctor& asked = found->second.status().doctor();
  if (asked.request_id().empty() || asked.request_id() != answer.request_id()) return;
  rest::SiteDoctor& doctor = *work.ledger.live_site(site).mutable_doctor();
  *doctor.mutable_at() = to_wire(work.now.wall());
  doctor.clear_findings();
  for (const wire::Finding& finding : answer.findings()) {
    if (doctor.findings_size() < most_findings) *doctor.add_findings() = finding;
  }
  work.ledger.site_moved(site);
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
      // It stays when the image goes: it is true of these bytes.
      if (report.has_findings())
        keep_survey(*image.mutable_status(), site, report.findings(), work.now.wall());
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

void fold_site_held(Work& work, const std::string& site, const wire::Held& held) {
  std::vector<std::string> waiting;
  for (const auto& [id, deployment] : work.mesh().deployments) {
    if (deployment.site() == site && deployment.state() == states::running &&
        deployment.stage() <= wire::PREPARING) {
      waiting.push_back(id);
    }
  }
  for (const std::string& id : waiting) {
    move_deployment(work, id, Happening::progressed,
                    [&](rest::Deployment& d) { d.set_note(sentence(held.fault())); });
  }
}

void fold_state_report(Work& work, const std::string& site, const wire::StateReport& report) {
  SiteLink* link = work.link(site);
  const bool awaited = link != nullptr && link->awaits(report.request_id());
  // An earlier one, told again: the one that was asked for is held against what this store knew without it.
  if (!awaited && link != nullptr && link->row().learning()) return;
  for (const auto& fence : report.fences()) {
    const std::uint64_t told = std::max(fence.generation(), fence.cancelled_to());
    if (!fence.machine().empty() && is_possible_generation(work, fence.machine(), told)) {
      if (awaited && link->row().gap_to() > 0) learn_from_fence(work, site, *link, fence);
      tell_generation(work, site, fence);
      work.ledger.raise_generation(fence.machine(), told);
    }
  }
  if (!awaited) return;
  const std::vector<std::string> doubtful = orders_in_doubt(work, site, *link);
  for (const std::string& id : doubtful) {
    if (!action_of(work.mesh().deployments.at(id)).changes) continue;  // handed out again: no harm in it
    const std::string machine = machine_of(work.ledger.inner().orders.at(id).identity());
    const auto fence = std::ranges::find(report.fences(), machine, &wire::StateReport::Fence::machine);
    if (fence != report.fences().end() &&
        fence->generation() >= work.mesh().deployments.at(id).generation()) {
      link->note_seen_order(id);
    }
  }
  if (report.more()) return;
  const auto& seen = link->row().seen_orders();
  for (const std::string& id : doubtful) {
    if (std::ranges::find(seen, id) != seen.end()) continue;  // its events, replayed or to come, say the rest
    // Never there, and refused from now on because its epoch is old.
    move_deployment(work, id, Happening::never_seen,
                    [](rest::Deployment& d) { d.set_note("the site never got this order"); });
  }
  if (link->row().gap_to() > 0) doubt_untold(work, site, *link);
  link->learned();
  work.moved = true;  // what waited for this may go out
}

}  // namespace metalmesh::controller
