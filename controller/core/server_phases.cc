#include "controller/core/server_phases.h"

#include <algorithm>

#include "common/base/command_words.h"
#include "common/base/machine_key.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/order_call_back.h"
#include "controller/core/server_machines.h"
#include "controller/state/deployment_states.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t text_limit = 128;  // of what a BMC says about itself

std::string short_text(const std::string& text) { return text.substr(0, text_limit); }

const rest::Site* site_of(const Work& work, const rest::Server& server) {
  const auto found = work.mesh().sites.find(server.spec().site());
  return found == work.mesh().sites.end() ? nullptr : &found->second;
}

const rest::Deployment* last_deployment(const MeshState& mesh, const rest::Server& server) {
  const auto found = mesh.deployments.find(server.status().deployment());
  return found == mesh.deployments.end() ? nullptr : &found->second;
}

}  // namespace

bool before_install(const std::string& phase) {
  return phase.empty() || phase == phases::registered || phase == phases::inspected ||
         phase == phases::ready || phase == phases::in_use;
}

void set_condition(google::protobuf::RepeatedPtrField<rest::Condition>& conditions, const std::string& type,
                   const std::string& status, const std::string& reason, const std::string& message,
                   const Now& now) {
  auto found = std::ranges::find(conditions, type, &rest::Condition::type);
  rest::Condition& condition = found == conditions.end() ? *conditions.Add() : *found;
  if (condition.status() != status || condition.reason() != reason)
    *condition.mutable_at() = to_wire(now.wall());
  condition.set_type(type);
  condition.set_status(status);
  condition.set_reason(reason);
  condition.set_message(message);
}

bool is_in_use(const rest::Server& server) {
  return server.status().use() == "inUse" && !planted(Defect::in_use_ignored);
}

bool is_protected(const rest::Server& server, const Now& now) {
  if (is_in_use(server) || !server.status().blocked().empty()) return true;
  if (!server.spec().protected_() && !server.status().protected_()) return false;
  return !server.status().has_unprotected_until() ||
         now.wall_high >= from_wire(server.status().unprotected_until());
}

const rest::Deployment* open_deployment(const MeshState& mesh, const rest::Server& server) {
  const rest::Deployment* last = last_deployment(mesh, server);
  return last != nullptr && is_open(last->state()) ? last : nullptr;
}

void take_inspection(Work& work, const std::string& name, const wire::Inspected& seen) {
  // Refused by the site before its BMC was asked: that tells nothing of the BMC.
  const auto code = seen.fault().code();
  if (code == wire::MACHINE_BUSY || code == wire::SITE_QUARANTINED || code == wire::CLOCK_UNPROVEN) return;
  work.ledger.change_server(name, [&](rest::Server& server) {
    auto& status = *server.mutable_status();
    auto& conditions = *status.mutable_conditions();
    if (seen.has_fault()) {
      // What it shows now; a person may accept it, and then its identity is asked for again.
      if (seen.fault().code() == wire::BMC_KEY_CHANGED && !seen.bmc_key_sha256().empty())
        status.set_bmc_key_sha256(seen.bmc_key_sha256());
      set_condition(conditions, "Reachable", "False", wire::FaultCode_Name(seen.fault().code()),
                    seen.fault().seen() +
                        (seen.fault().detail().empty() ? "" : "; the BMC says: " + seen.fault().detail()) +
                        (seen.fault().next().empty() ? "" : "; next: " + seen.fault().next()),
                    work.now);
      // Failing the same way once more is an answer, too: somebody may wait for it.
      *std::ranges::find(conditions, "Reachable", &rest::Condition::type)->mutable_at() =
          to_wire(work.now.wall());
      return;
    }
    set_condition(conditions, "Reachable", "True", "OK", "the BMC answered", work.now);
    set_condition(
        conditions, "VirtualMedia", seen.virtual_media() ? "True" : "False",
        seen.virtual_media() ? "OK" : "NO_VIRTUAL_MEDIA",
        seen.virtual_media() ? "the BMC offers virtual media" : "the BMC offers no virtual media from a URL",
        work.now);
    set_condition(conditions, "Shutdown", seen.no_shutdown() ? "False" : "True",
                  seen.no_shutdown() ? "NO_SHUTDOWN" : "OK",
                  seen.no_shutdown() ? "the BMC offers nothing that asks the host to shut down"
                                     : "the host can be asked to shut down",
                  work.now);
    auto& identity = *status.mutable_seen();
    identity.set_uuid(normal_uuid(seen.identity().uuid()));
    identity.set_serial(normal_serial(short_text(seen.identity().serial())));
    identity.clear_macs();
    for (const std::string& mac : seen.identity().macs()) identity.add_macs(normal_mac(mac));
    status.set_power(short_text(seen.power()));
    status.set_manufacturer(short_text(seen.manufacturer()));
    status.set_model(short_text(seen.model()));
    status.set_bmc_firmware(short_text(seen.bmc_firmware()));
    status.set_bmc_key_sha256(seen.bmc_key_sha256());
    *status.mutable_inspected_at() = to_wire(work.now.wall());
  });
  judge_server(work, name);
}

void judge_server(Work& work, const std::string& name) {
  recognise_machine(work, name);
  const IdentityJudgement verdict = judge_identity(work.mesh().servers.at(name), work.ledger.identities());
  work.ledger.change_server(name, [&](rest::Server& server) {
    auto& status = *server.mutable_status();
    std::string message = verdict.message;
    if (!verdict.next.empty()) message += "; next: " + verdict.next;
    const bool unknown = verdict.reason == "NOT_INSPECTED" || verdict.reason == "NOT_ACCEPTED";
    set_condition(*status.mutable_conditions(), "Identified",
                  verdict.ok ? "True"
                  : unknown  ? "Unknown"
                             : "False",
                  verdict.reason, message, work.now);
    const bool pins = verdict.ok && bmc_tls(server, site_of(work, server)) == "pin";
    if (pins && bmc_key(server).empty()) status.set_pinned_key_sha256(status.bmc_key_sha256());
    if (!before_install(status.phase())) return;
    if (verdict.ok) {
      status.set_phase(is_in_use(server) ? phases::in_use : phases::ready);
    } else {
      status.set_phase(status.has_inspected_at() ? phases::inspected : phases::registered);
    }
  });
}

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

void settle_server(Work& work, const rest::Deployment& deployment) {
  note_end_on_machine(work, deployment);
  note_recall_ended(work, deployment);
  const auto found = work.mesh().servers.find(deployment.server());
  if (found == work.mesh().servers.end() || found->second.status().deployment() != deployment.id()) return;
  const std::string& state = deployment.state();
  const bool wiped = may_have_wiped(deployment);
  work.ledger.change_server(deployment.server(), [&](rest::Server& server) {
    auto& status = *server.mutable_status();
    auto& conditions = *status.mutable_conditions();
    const auto installed_condition = [&](const std::string& value, const std::string& reason,
                                         const std::string& message) {
      set_condition(conditions, "Installed", value, reason, message, work.now);
    };
    if (state == states::succeeded) {
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
