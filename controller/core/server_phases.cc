#include "controller/core/server_phases.h"

#include <algorithm>

#include "common/base/machine_key.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "common/text/utf8.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/inventories.h"
#include "controller/core/server_machines.h"
#include "controller/state/deployment_states.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t text_limit = 128;  // of what a BMC says about itself

std::string short_text(const std::string& text) { return Utf8(text).cut(text_limit).str(); }

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

const rest::Deployment* any_open(const MeshState& mesh, const std::string& server) {
  const auto found = std::ranges::find_if(mesh.deployments, [&](const auto& entry) {
    return entry.second.server() == server && is_open(entry.second.state());
  });
  return found == mesh.deployments.end() ? nullptr : &found->second;
}

bool awaits_approval(const rest::Server& server) {
  const auto& conditions = server.status().conditions();
  const auto reachable = std::ranges::find(conditions, "Reachable", &rest::Condition::type);
  if (reachable == conditions.end() || server.status().bmc_key_sha256().empty()) return false;
  const bool at_another_address = !server.status().has_inspected_at() &&
                                  server.spec().bmc().key_sha256().empty() &&
                                  reachable->reason() == wire::FaultCode_Name(wire::BMC_KEY_CHANGED);
  return at_another_address ||
         (reachable->reason() == wire::FaultCode_Name(wire::BMC_KEY_UNKNOWN) && bmc_key(server).empty());
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
      const bool of_key = code == wire::BMC_KEY_CHANGED || code == wire::BMC_KEY_UNKNOWN;
      if (of_key && !seen.bmc_key_sha256().empty()) status.set_bmc_key_sha256(seen.bmc_key_sha256());
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
    status.set_bmc_model(short_text(seen.bmc_model()));
    status.set_quirks(short_text(seen.quirks()));
    status.set_bmc_key_sha256(seen.bmc_key_sha256());
    *status.mutable_inspected_at() = to_wire(work.now.wall());
  });
  if (!seen.has_fault() && seen.has_inventory()) take_inventory(work, name, seen);
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
    const bool pins =
        verdict.ok && !awaits_approval(server) && bmc_tls(server, site_of(work, server)) == "pin";
    if (pins && bmc_key(server).empty()) status.set_pinned_key_sha256(status.bmc_key_sha256());
    if (!before_install(status.phase())) return;
    if (verdict.ok) {
      status.set_phase(is_in_use(server) ? phases::in_use : phases::ready);
    } else {
      status.set_phase(status.has_inspected_at() ? phases::inspected : phases::registered);
    }
  });
}

}  // namespace metalmesh::controller
