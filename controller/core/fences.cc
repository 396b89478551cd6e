#include "controller/core/fences.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "common/ports/wire_time.h"
#include "controller/core/actions/actions.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/sentences.h"
#include "controller/state/deployment_states.h"

namespace metalmesh::controller {
namespace {

std::optional<wire::Identity> identity_of(const Work& work, const rest::Deployment& deployment) {
  const auto order = work.ledger.inner().orders.find(deployment.id());
  if (order != work.ledger.inner().orders.end()) return order->second.identity();
  const auto server = work.mesh().servers.find(deployment.server());
  if (server == work.mesh().servers.end()) return std::nullopt;
  return order_identity(server->second);
}

/// How long it may still run there at the most, from now on.
Duration longest_run(const Work& work, const rest::Deployment& deployment) {
  const auto order = work.ledger.inner().orders.find(deployment.id());
  return action_of(deployment)
      .longest_run(order == work.ledger.inner().orders.end() ? nullptr : &order->second, deployment,
                   work.now);
}

void send(Work& work, const std::string& id, record::OwedFence fence, SiteLink& link) {
  wire::Command command;
  auto& cancel = *command.mutable_cancel_order();
  cancel.set_deployment_id(id);
  cancel.set_server(fence.server());
  *cancel.mutable_identity() = fence.identity();
  cancel.set_generation(fence.generation());
  cancel.set_reason(fence.reason());
  const auto sent = work.send(link, std::move(command));
  if (!sent) return;
  fence.set_command_journal(link.command_journal());
  fence.set_command_seq(*sent);
  rest::LogEvent line;
  line.set_type("cancel");
  line.set_site(fence.site());
  line.set_server(fence.server());
  line.set_deployment(id);
  line.set_message("asked site " + fence.site() + " to cancel: " + fence.reason());
  if (const auto known = work.mesh().deployments.find(id); known != work.mesh().deployments.end())
    line.set_rollout(known->second.rollout());
  work.ledger.note(std::move(line), work.now.wall());
  work.ledger.put_fence(id, std::move(fence));
}

void free_place(Work& work, const std::string& id) {
  const auto known = work.mesh().deployments.find(id);
  if (known == work.mesh().deployments.end() || !known->second.keeps_place()) return;
  work.ledger.change_deployment(id, [](rest::Deployment& d) { d.set_keeps_place(false); });
  work.moved = true;
}

bool keeps_place(const Work& work, const std::string& id) {
  const auto known = work.mesh().deployments.find(id);
  return known != work.mesh().deployments.end() && known->second.keeps_place();
}

/// Kept for a fact that might correct the end; none can come any more.
void forget_order(Work& work, const std::string& id) {
  const auto known = work.mesh().deployments.find(id);
  if (known == work.mesh().deployments.end() || is_open(known->second.state())) return;
  const bool unclear = is_unresolved(known->second) || known->second.state() == states::unproven;
  if (!unclear) work.ledger.erase_order(id);
}

}  // namespace

void owe_fence(Work& work, const std::string& id, const std::string& reason,
               const std::string& event_journal) {
  const auto known = work.mesh().fences.find(id);
  if (known != work.mesh().fences.end() && !known->second.confirmed()) return;
  const rest::Deployment& deployment = work.mesh().deployments.at(id);
  const auto identity = identity_of(work, deployment);
  if (!identity || !action_of(deployment).changes) return;
  record::OwedFence fence;
  fence.set_site(deployment.site());
  fence.set_server(deployment.server());
  fence.set_machine(machine_of(*identity));
  *fence.mutable_identity() = *identity;
  fence.set_generation(deployment.generation() != 0
                           ? deployment.generation()
                           : std::max<std::uint64_t>(1, work.ledger.generation(fence.machine())));
  fence.set_reason(reason);
  fence.set_event_journal(event_journal);
  *fence.mutable_longest_run() = to_wire(longest_run(work, deployment));
  work.ledger.raise_generation(fence.machine(), fence.generation());
  work.ledger.fence_known_since(id, work.now.mono);
  work.ledger.put_fence(id, std::move(fence));
  work.ledger.change_deployment(id, [](rest::Deployment& d) {
    d.set_fence(std::string(fences::owed));
    d.set_note(not_fenced_yet(d.site()));
  });
}

void serve_fences(Work& work, const std::string& site) {
  SiteLink* link = work.link(site);
  std::vector<std::string> ids;
  for (const auto& [id, fence] : work.mesh().fences) {
    if (fence.site() == site) ids.push_back(id);
  }
  for (const std::string& id : ids) {
    const record::OwedFence& fence = work.mesh().fences.at(id);
    const bool sent = link != nullptr && fence.command_journal() == link->command_journal();
    if (link != nullptr && link->can_command() && !fence.confirmed() && !sent) send(work, id, fence, *link);
    const Duration waited = work.now.mono - work.ledger.fence_known_since(id, work.now.mono);
    if (waited <= from_wire(work.mesh().fences.at(id).longest_run())) continue;
    free_place(work, id);
    if (work.mesh().fences.at(id).confirmed()) work.ledger.erase_fence(id);
  }
}

void confirm_fence(Work& work, const std::string& id) {
  const auto found = work.mesh().fences.find(id);
  if (found == work.mesh().fences.end() || found->second.confirmed()) return;
  const SiteLink* link = work.link(found->second.site());
  const bool remembers = link == nullptr || found->second.event_journal() == link->event_journal();
  if (remembers) free_place(work, id);
  if (keeps_place(work, id)) {
    record::OwedFence fence = found->second;
    fence.set_confirmed(true);
    work.ledger.put_fence(id, std::move(fence));
  } else {
    work.ledger.erase_fence(id);
  }
  if (!work.mesh().deployments.contains(id)) return;
  work.ledger.change_deployment(id, [](rest::Deployment& d) {
    d.set_fence(std::string(fences::confirmed));
    if (d.note() == not_fenced_yet(d.site())) d.clear_note();
  });
  forget_order(work, id);
  work.moved = true;
}

void keep_place(Work& work, const std::string& id) {
  work.ledger.change_deployment(id, [](rest::Deployment& d) {
    d.set_keeps_place(true);
    if (d.fence() == fences::owed) d.set_fence(std::string(fences::confirmed));
  });
  const auto owed = work.mesh().fences.find(id);
  record::OwedFence fence = owed == work.mesh().fences.end() ? record::OwedFence() : owed->second;
  const rest::Deployment& deployment = work.mesh().deployments.at(id);
  fence.set_site(deployment.site());
  fence.set_server(deployment.server());
  fence.set_generation(std::max<std::uint64_t>(fence.generation(), deployment.generation()));
  fence.set_confirmed(true);  // it has ended: nothing more of it starts
  *fence.mutable_longest_run() = to_wire(longest_run(work, deployment));
  if (const auto identity = identity_of(work, deployment)) {
    *fence.mutable_identity() = *identity;
    fence.set_machine(machine_of(*identity));
  }
  work.ledger.fence_known_since(id, work.now.mono);
  work.ledger.put_fence(id, std::move(fence));
}

void leave_place(Work& work, const std::string& id) {
  free_place(work, id);
  const auto kept = work.mesh().fences.find(id);
  if (kept == work.mesh().fences.end() || !kept->second.confirmed()) return;
  work.ledger.erase_fence(id);
  forget_order(work, id);
}

void waive_fences(Work& work, const std::string& site, const std::string& how) {
  std::vector<std::string> ids;
  for (const auto& [id, fence] : work.mesh().fences) {
    if (fence.site() == site) ids.push_back(id);
  }
  for (const std::string& id : ids) {
    rest::LogEvent line;
    line.set_type("cancel");
    line.set_site(site);
    line.set_server(work.mesh().fences.at(id).server());
    line.set_deployment(id);
    line.set_message("the fence of deployment " + id + " is waived: its site is " + how +
                     " and cannot confirm it");
    work.ledger.note(std::move(line), work.now.wall());
    free_place(work, id);
    work.ledger.erase_fence(id);
    if (work.mesh().deployments.contains(id))
      work.ledger.change_deployment(id, [](rest::Deployment& d) { d.set_fence(std::string(fences::none)); });
    forget_order(work, id);
  }
}

void raise_fence(Work& work, const std::string& id, std::uint64_t generation) {
  const auto found = work.mesh().fences.find(id);
  if (found == work.mesh().fences.end() || found->second.generation() >= generation) return;
  record::OwedFence fence = found->second;
  fence.set_generation(generation);
  fence.clear_command_journal();
  fence.set_confirmed(false);
  work.ledger.put_fence(id, std::move(fence));
}

std::vector<std::string> fences_owed_by(const MeshState& mesh, const std::string& site,
                                        const std::string& journal) {
  std::vector<std::string> ids;
  for (const auto& [id, fence] : mesh.fences) {
    if (fence.site() == site && fence.event_journal() == journal && !fence.confirmed()) ids.push_back(id);
  }
  return ids;
}

const std::pair<const std::string, record::OwedFence>* unfinished_at(const MeshState& mesh,
                                                                     const std::string& machine) {
  const auto found = std::ranges::find_if(
      mesh.fences, [&](const auto& entry) { return !machine.empty() && entry.second.machine() == machine; });
  return found == mesh.fences.end() ? nullptr : &*found;
}

const std::pair<const std::string, record::OwedFence>* fence_owed(const MeshState& mesh,
                                                                  const std::string& machine) {
  const auto found = std::ranges::find_if(mesh.fences, [&](const auto& entry) {
    return !entry.second.confirmed() && entry.second.machine() == machine;
  });
  return found == mesh.fences.end() ? nullptr : &*found;
}

}  // namespace metalmesh::controller
