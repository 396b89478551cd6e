#include "controller/core/event_gaps.h"

#include <algorithm>
#include <vector>

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "controller/core/actions/actions.h"
#include "controller/core/deployment_machine.h"
#include "controller/core/fences.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/late_facts.h"
#include "controller/core/restore_hold.h"
#include "controller/core/server_phases.h"
#include "controller/state/deployment_states.h"

namespace metalmesh::controller {
namespace {

std::string words_of(std::uint64_t from, std::uint64_t to) {
  return from == to ? "event " + std::to_string(from)
                    : "events " + std::to_string(from) + " to " + std::to_string(to);
}

/// For people: what is missing and would say it.
std::string what_is_missing(const std::string& site, const SiteLink& link) {
  return "the events of " + site + " that would say so, up to " + std::to_string(link.row().gap_to()) +
         ", are missing from this controller's ledger";
}

void doubt(Work& work, const SiteLink& link, const std::string& id) {
  const std::string gap = what_is_missing(work.mesh().deployments.at(id).site(), link);
  move_deployment(work, id, Happening::lost, [&](rest::Deployment& d) {
    outcome_unknown(d, "what became of this is not known: " + gap);
    d.set_keeps_place(true);  // until the site answers that nothing of it runs
  });
  owe_fence(work, id, "whether it runs is not known: " + gap, link.event_journal());
  work.ledger.note(line_about(work.mesh().deployments.at(id), "ended", "INDETERMINATE: " + gap),
                   work.now.wall());
}

/// One after the other: what this store believes to wait for `server` was over before `ordered` was given.
void doubt_waiting(Work& work, const SiteLink& link, const std::string& server, const std::string& ordered) {
  std::vector<std::string> waiting;
  for (const auto& [id, deployment] : work.mesh().deployments) {
    if (deployment.server() == server && deployment.state() == states::pending && id != ordered &&
        action_of(deployment).changes)
      waiting.push_back(id);
  }
  for (const std::string& id : waiting) doubt(work, link, id);
}

/// Whose fence that is, or nothing. Of an order that is known its server is: what a board tells of itself, and with it the key
/// of its machine, may have changed since.
std::string server_of(const Work& work, const std::string& site, const wire::StateReport::Fence& fence) {
  const auto known = work.mesh().deployments.find(fence.deployment_id());
  if (known != work.mesh().deployments.end()) return known->second.server();
  for (const auto& [name, server] : work.mesh().servers) {
    if (server.spec().site() == site && machine_of(server) == fence.machine()) return name;
  }
  return {};
}

/// A deployment of this machine that only the site remembers.
void learn(Work& work, const std::string& site, const std::string& server,
           const wire::StateReport::Fence& fence) {
  rest::Deployment learned;
  learned.set_id(fence.deployment_id());
  learned.set_server(server);
  learned.set_site(site);
  learned.set_generation(fence.generation());
  learned.set_state(std::string(states::running));
  learned.set_fence(std::string(fences::none));
  learned.set_launched(fence.launched() >= fence.generation());
  *learned.mutable_created() = to_wire(work.now.wall());
  work.ledger.put(learned);
  action_of(learned).handed_out(work, learned);
  work.moved = true;
}

}  // namespace

void note_gap(Work& work, const std::string& site, const GapFound& gap) {
  const std::string missing = words_of(gap.from, gap.to);
  if (!planted(Defect::gap_not_told)) {
    rest::LogEvent line;
    line.set_type("gap");
    line.set_site(site);
    line.set_journal_id(gap.journal);
    line.mutable_gap()->set_from(gap.from);
    line.mutable_gap()->set_to(gap.to);
    line.set_message(
        missing + " of " + site +
        " are missing: this controller's store is older than what the site still keeps. What they said "
        "is not known; deployments it may have been about become INDETERMINATE");
    work.ledger.note(std::move(line), work.now.wall());
  }
  ++work.metrics.event_gaps;
  note_difference(
      work, difference(site, "", "missing events", "never received", missing + ", trimmed by the site"));
}

bool in_gap(const Work& work, const std::string& site, const std::string& journal) {
  const SiteLink* link = work.link(site);
  return link != nullptr && link->row().gap_to() > 0 && link->event_journal() == journal;
}

void doubt_in_gap(Work& work, const std::string& deployment) {
  const rest::Deployment& known = work.mesh().deployments.at(deployment);
  const SiteLink* link = work.link(known.site());
  if (link == nullptr) return;
  if (is_open(known.state())) return doubt(work, *link, deployment);
  doubt_word(
      work, deployment,
      "what became of it before a person ended it is not known: " + what_is_missing(known.site(), *link));
}

void learn_from_fence(Work& work, const std::string& site, const SiteLink& link,
                      const wire::StateReport::Fence& fence) {
  const std::uint64_t known = work.ledger.generation(fence.machine());
  if (fence.generation() <= known || fence.deployment_id().empty() || planted(Defect::gap_not_doubted))
    return;
  const std::string& id = fence.deployment_id();
  const std::string name = server_of(work, site, fence);
  if (name.empty()) return;
  doubt_waiting(work, link, name, id);
  if (link.told_since_gap(id)) return;  // and so what is behind the gap says how it goes on
  const bool never_started = fence.cancelled_to() >= fence.generation() && fence.launched() <= known;
  const auto found = work.mesh().deployments.find(id);
  if (found == work.mesh().deployments.end()) {
    if (never_started) return;
    learn(work, site, name, fence);
  } else if (found->second.site() != site || !is_open(found->second.state())) {
    return;
  } else {
    work.ledger.change_deployment(id, [&](rest::Deployment& d) { d.set_generation(fence.generation()); });
  }
  if (never_started) {
    move_deployment(work, id, Happening::cancelled, [](rest::Deployment& d) {
      d.set_disk(wire::DISK_UNTOUCHED);
      d.set_note("cancelled in what this controller has forgotten: its site is fenced and never started it");
    });
  } else {
    doubt(work, link, id);
  }
}

void doubt_untold(Work& work, const std::string& site, const SiteLink& link) {
  if (planted(Defect::gap_not_doubted)) return;
  std::vector<std::string> untold;
  for (const auto& [id, deployment] : work.mesh().deployments) {
    if (deployment.site() == site && is_in_flight(deployment.state()) && !link.told_since_gap(id))
      untold.push_back(id);
  }
  for (const std::string& id : untold) doubt(work, link, id);
  for (const std::string& id : fences_owed_by(work.mesh(), site, link.event_journal())) {
    if (!link.told_since_gap(id)) doubt_in_gap(work, id);
  }
}

}  // namespace metalmesh::controller
