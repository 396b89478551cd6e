#include "controller/core/actions/install_end.h"

#include <algorithm>

#include "common/base/command_words.h"
#include "common/ports/wire_time.h"
#include "common/text/letters.h"
#include "controller/core/actions/actions.h"
#include "controller/core/order_builder.h"
#include "controller/core/order_call_back.h"
#include "controller/core/server_machines.h"
#include "controller/core/server_phases.h"
#include "controller/state/deployment_states.h"

namespace metalmesh::controller {
namespace {

rest::Installed installed_by(const Work& work, const rest::Deployment& deployment) {
  rest::Installed installed;
  const auto order = work.ledger.inner().orders.find(deployment.id());
  if (order != work.ledger.inner().orders.end()) {
    const wire::Install ordered = agreed_in(order->second).install();
    installed.set_image(ordered.image().name());
    installed.set_image_sha256(ordered.image().sha256());
    installed.set_profile(ordered.profile().name() + "@" + std::to_string(ordered.profile().version()));
    installed.set_profile_sha256(ordered.profile().sha256());
    installed.set_family_sha256(ordered.family().sha256());
  }
  installed.set_answer_sha256(deployment.answer_sha256());
  installed.set_generation(deployment.generation());
  *installed.mutable_at() = to_wire(work.now.wall());
  std::string proof = wire::ProofGrade_Name(deployment.proof());
  if (proof.starts_with("PROOF_")) proof.erase(0, 6);
  installed.set_proof(to_lower(proof));
  return installed;
}

/// Of one that was learned from its site nobody knows whether it was an install: its disk says so.
bool wrote_system(const rest::Deployment& deployment) {
  const bool ended_well = deployment.state() == states::succeeded || deployment.state() == states::unproven;
  return ended_well && deployment.disk() != wire::DISK_UNTOUCHED;
}

/// What it says about its machine's disks.
void note_end_on_machine(Work& work, const rest::Deployment& deployment) {
  const std::string& state = deployment.state();
  const bool is_unclear = state == states::unproven || is_unresolved(deployment);
  const bool wrote = wrote_system(deployment);
  change_machine(work, machine_of(work, deployment), [&](record::Machine& machine) {
    auto& unresolved = *machine.mutable_unresolved();
    unresolved.erase(std::remove_if(unresolved.begin(), unresolved.end(),
                                    [&](const auto& one) { return one.deployment() == deployment.id(); }),
                     unresolved.end());
    if (is_unclear) {
      record::Machine::Unresolved& one = *unresolved.Add();
      one.set_deployment(deployment.id());
      one.set_state(state);
      one.set_rollout(deployment.rollout());
      *one.mutable_at() = to_wire(work.now.wall());
    }
    // What a later order did to its disks is newer than what becomes known of an earlier one.
    if (deployment.generation() < machine.generation() || is_open(state)) return;
    machine.set_generation(deployment.generation());
    if (wrote) {
      *machine.mutable_installed() = installed_by(work, deployment);
      machine.clear_damaged_by();
    } else if (may_have_wiped(deployment) && !is_unclear) {
      machine.clear_installed();
      machine.set_damaged_by(deployment.id());
    } else if (!is_unclear && machine.installed().generation() == deployment.generation()) {
      machine.clear_installed();  // a person had said so, and nothing was written
    }
    // A person's word alone empties no disk: the site may tell yet that nothing was launched.
    const bool told_by_site = deployment.launched() || deployment.resolved_by().empty();
    // What is said of it since it was ordered may be about later orders, which nobody remembers.
    const bool said_since = from_wire(machine.use_since()) > from_wire(deployment.created());
    if (told_by_site && (wrote || (may_have_wiped(deployment) && !is_unclear && !said_since))) {
      // Whatever others had on it is gone.
      machine.set_use(record::Machine::NEW);
      machine.set_use_note("deployment " + deployment.id() + " wrote its disk");
      *machine.mutable_use_since() = to_wire(work.now.wall());
    }
    if (wrote && state == states::succeeded) {
      machine.set_protected_(true);
      machine.clear_unprotected_until();
    }
  });
}

/// Of those of its server. What only switched it since does not count.
bool is_last_install(const Work& work, const rest::Server& server, const rest::Deployment& deployment) {
  const std::string& last = server.status().deployment();
  if (last == deployment.id()) return true;
  const auto newer = work.mesh().deployments.find(last);
  const record::Machine* machine = work.ledger.machines().find(machine_of(work, deployment));
  // One that is deleted wiped nothing either, where the machine has no later generation.
  const bool wipes = newer != work.mesh().deployments.end() && action_of(newer->second).wipes;
  return !wipes && machine != nullptr && machine->generation() == deployment.generation();
}

}  // namespace

void mark_installing(Work& work, const rest::Deployment& deployment) {
  work.ledger.change_server(deployment.server(), [&](rest::Server& server) {
    auto& status = *server.mutable_status();
    status.set_phase(phases::installing);
    status.set_deployment(deployment.id());
    status.set_generation(std::max(status.generation(), deployment.generation()));
  });
  change_machine(work, machine_of(work, deployment), [&](record::Machine& machine) {
    machine.set_generation(std::max(machine.generation(), deployment.generation()));
  });
}

void settle_installed(Work& work, const rest::Deployment& deployment) {
  note_end_on_machine(work, deployment);
  note_recall_ended(work, deployment);
  const auto found = work.mesh().servers.find(deployment.server());
  if (found == work.mesh().servers.end() || !is_last_install(work, found->second, deployment)) return;
  const std::string& state = deployment.state();
  const bool wiped = may_have_wiped(deployment);
  work.ledger.change_server(deployment.server(), [&](rest::Server& server) {
    auto& status = *server.mutable_status();
    auto& conditions = *status.mutable_conditions();
    const auto installed_condition = [&](const std::string& value, const std::string& reason,
                                         const std::string& message) {
      set_condition(conditions, "Installed", value, reason, message, work.now);
    };
    if (state == states::succeeded && wrote_system(deployment)) {
      status.set_phase(phases::installed);
      installed_condition("True", "SUCCEEDED", "deployment " + deployment.id() + " succeeded");
    } else if (state == states::unproven) {
      status.set_phase(phases::unproven);
      installed_condition(
          "Unknown", "UNPROVEN",
          "a new system was written, but its proof is below the profile's minimum; do not reinstall "
          "yet; next: " +
              commands::resolve_either_way(deployment.id()));
    } else if (state == states::indeterminate) {
      status.set_phase(phases::failed);
      installed_condition(
          "Unknown", "INDETERMINATE",
          "nobody knows how deployment " + deployment.id() +
              " ended; next: look at the server, then: " + commands::resolve_either_way(deployment.id()));
    } else if (wiped) {
      status.set_phase(phases::failed);
      installed_condition("False", std::string(state),
                          "deployment " + deployment.id() + " ended after the disk may have changed");
    } else {
      // Nothing happened to its disk: it is what it was before.
      const auto order = work.ledger.inner().orders.find(deployment.id());
      const bool known = order != work.ledger.inner().orders.end() && !order->second.phase_before().empty();
      status.set_phase(known ? order->second.phase_before() : phases::ready);
    }
  });
  judge_server(work, deployment.server());
}

}  // namespace metalmesh::controller
