// Adopt, release, reidentify, replace, move: what a person says about a machine, as against its object.
#include <algorithm>

#include "common/base/command_words.h"
#include "common/base/machine_key.h"
#include "common/ports/wire_time.h"
#include "controller/core/field_rules.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/object_rules.h"
#include "controller/core/operator_acts.h"
#include "controller/core/order_call_back.h"
#include "controller/core/server_acts.h"
#include "controller/core/server_edits.h"
#include "controller/core/server_machines.h"
#include "controller/core/server_phases.h"

namespace metalmesh::controller {
namespace {

using record::Machine;
using rules::refusal;
using rules::Verdict;

/// Unclear ends whose deployment is gone: nobody can resolve those any more.
void forget_orphans(const Work& work, Machine& machine) {
  auto& unresolved = *machine.mutable_unresolved();
  unresolved.erase(
      std::remove_if(unresolved.begin(), unresolved.end(),
                     [&](const auto& one) { return !work.mesh().deployments.contains(one.deployment()); }),
      unresolved.end());
}

/// One that can be resolved; nullptr: none.
const rest::Deployment* resolvable(const Work& work, const rest::Server& server) {
  for (const std::string& id : server.status().unresolved()) {
    if (const auto found = work.mesh().deployments.find(id); found != work.mesh().deployments.end())
      return &found->second;
  }
  return nullptr;
}

Verdict not_while_unclear(const Work& work, const rest::Server& server, const std::string& what) {
  const rest::Deployment* unclear = resolvable(work, server);
  if (unclear == nullptr) return std::nullopt;
  return refusal(ErrorKind::conflict, "",
                 "server " + server.metadata().name() + " cannot be " + what + ": deployment " +
                     unclear->id() + " ended " + unclear->state() +
                     ", and nobody has decided what that means",
                 "metalmesh deployment resolve " + unclear->id() + " --as failed --note NOTE");
}

std::string said_by(const std::string& actor, const std::string& reason) {
  return actor + (reason.empty() ? "" : ": " + reason);
}

void set_use(const Work& work, Machine& machine, Machine::Use use, std::string note) {
  machine.set_use(use);
  machine.set_use_note(std::move(note));
  *machine.mutable_use_since() = to_wire(work.now.wall());
}

/// What there is to release, or why not.
Verdict may_release(const Work& work, const rest::Server& server) {
  const std::string& name = server.metadata().name();
  if (auto bad = not_while_open(work, server, "released")) return bad;
  if (auto bad = not_while_unclear(work, server, "released")) return bad;
  const IdentityJudgement verdict = judge_identity(server, work.ledger.identities());
  if (!verdict.ok) {
    return refusal(ErrorKind::conflict, "",
                   "which machine " + name + " is must be known first: " + verdict.message, verdict.next);
  }
  const Machine* machine = work.ledger.machines().find(server.status().machine());
  if (machine == nullptr || !machine->seen())
    return refusal(ErrorKind::conflict, "", name + " was never seen", commands::inspect(name));
  if (work.ledger.machines().servers_of(server.status().machine()).size() > 1)
    return refusal(ErrorKind::conflict, "", "the machine of " + name + " is registered more than once");
  if (machine->use() == Machine::IN_USE || machine->unresolved_size() > 0 || !machine->blocked().empty())
    return std::nullopt;
  return refusal(ErrorKind::conflict, "", name + " is not in use: it holds " + machines::holds(*machine),
                 machine->has_installed() ? "metalmesh server unprotect " + name + " --reason REASON"
                                          : "metalmesh describe server " + name);
}

/// What its BMC reports is another identity than the one registered, and a person confirmed which.
Verdict may_change_identity(const Work& work, const rest::Server& server, const std::string& what,
                            const std::string& confirm, const std::string& reason) {
  const std::string& name = server.metadata().name();
  const auto& seen = server.status().seen();
  if (auto bad = not_while_open(work, server, what)) return bad;
  if (auto bad = not_while_unclear(work, server, what)) return bad;
  if (auto bad = note_verdict("reason", reason, true)) return bad;
  if (!server.status().has_inspected_at()) {
    return refusal(ErrorKind::conflict, "",
                   "server " + name + " was not inspected: nothing is known of what is there",
                   "metalmesh inspect " + name);
  }
  if (!contradicts_registration(server) && !server.status().stranger())
    return refusal(ErrorKind::conflict, "", "the BMC of " + name + " reports the machine that it stands for");
  if (fields_of(usable_part(seen)) < 2) {
    return refusal(
        ErrorKind::conflict, "",
        "the BMC of " + name + " reports fewer than two of uuid, serial and macs that identify a machine",
        "have the vendor program the board's identity");
  }
  if (const auto clash = work.ledger.identities().clash(name, seen, {})) {
    return refusal(ErrorKind::conflict, "spec.identity." + clash->field,
                   clash->value + " already belongs to " + clash->owner(server.spec().site()),
                   clash->next(server.spec().site(),
                               "check the cabling: metalmesh inspect " + name + " " + clash->other));
  }
  if (confirm == confirmation_of(seen)) return std::nullopt;
  return refusal(ErrorKind::conflict, "confirm",
                 "the BMC of " + name + " reports " + confirmation_of(seen) + ", confirmed was \"" +
                     confirm.substr(0, 80) + "\"",
                 "compare with the label on the machine, then confirm what stands there");
}

std::string identity_words(const rest::ServerIdentity& identity) {
  std::string text = "serial " + (identity.serial().empty() ? "none" : identity.serial()) + ", uuid " +
                     (identity.uuid().empty() ? "none" : identity.uuid());
  for (const std::string& mac : identity.macs()) text += ", mac " + mac;
  return text;
}

/// What was registered or accepted, whichever says more.
rest::ServerIdentity expected_identity(const rest::Server& server) {
  rest::ServerIdentity out = server.status().pinned();
  const auto& spec = server.spec().identity();
  if (!spec.uuid().empty()) out.set_uuid(spec.uuid());
  if (!spec.serial().empty()) out.set_serial(spec.serial());
  if (spec.macs_size() > 0) *out.mutable_macs() = spec.macs();
  return out;
}

/// What its BMC reports becomes what is expected; of the spec only what was said there.
void expect_what_is_seen(Work& work, const std::string& name) {
  work.ledger.change_server(name, [](rest::Server& server) {
    auto& status = *server.mutable_status();
    const rest::ServerIdentity seen = usable_part(status.seen());
    auto& said = *server.mutable_spec()->mutable_identity();
    if (!said.uuid().empty()) said.set_uuid(seen.uuid());
    if (!said.serial().empty()) said.set_serial(seen.serial());
    if (said.macs_size() > 0) *said.mutable_macs() = seen.macs();
    if (!server.spec().bmc().key_sha256().empty())
      server.mutable_spec()->mutable_bmc()->set_key_sha256(status.bmc_key_sha256());
    *status.mutable_pinned() = seen;
    status.set_pinned_key_sha256(status.bmc_key_sha256());
    status.clear_stranger();
  });
}

/// The object stands for no machine yet.
void forget_machine(Work& work, const std::string& name) {
  work.ledger.change_server(name, [](rest::Server& server) {
    auto& status = *server.mutable_status();
    status.clear_machine();
    status.clear_generation();
    status.clear_deployment();
    status.set_phase(phases::registered);
    auto& conditions = *status.mutable_conditions();
    conditions.erase(std::remove_if(conditions.begin(), conditions.end(),
                                    [](const auto& one) { return one.type() == "Installed"; }),
                     conditions.end());
  });
}

}  // namespace

ActResult act(Work& work, const AdoptServer& request, const std::string& actor) {
  const auto found = server_named(work, request.server);
  if (!found) return std::unexpected(found.error());
  if (auto bad = note_verdict("reason", request.reason, false)) return std::unexpected(std::move(*bad));
  change_machine(work, (*found)->status().machine(), [&](Machine& machine) {
    set_use(work, machine, Machine::IN_USE, "adopted by " + said_by(actor, request.reason));
    machine.set_protected_(true);
    machine.clear_unprotected_until();
    forget_orphans(work, machine);
  });
  const std::string recalled = call_order_back(work, request.server, "the server is in use");
  judge_server(work, request.server);
  return Acted{false, "Server", request.server,
               "adopted server " + request.server + ": it is in use and protected" +
                   (request.reason.empty() ? "" : ": " + request.reason) +
                   (recalled.empty() ? "" : "; " + recalled)};
}

ActResult act(Work& work, const ReleaseServer& request, const std::string& actor) {
  const auto found = server_named(work, request.server);
  if (!found) return std::unexpected(found.error());
  if (auto bad = note_verdict("reason", request.reason, true)) return std::unexpected(std::move(*bad));
  if (auto bad = may_release(work, **found)) return std::unexpected(std::move(*bad));
  const std::string held = (*found)->status().holds();
  work.ledger.change_server(request.server, [](rest::Server& server) {
    auto& status = *server.mutable_status();
    if (status.phase() != phases::retired) status.set_phase(phases::registered);
  });
  change_machine(work, (*found)->status().machine(), [&](Machine& machine) {
    set_use(work, machine, Machine::RELEASED, "released by " + said_by(actor, request.reason));
    machine.set_protected_(false);
    machine.clear_unprotected_until();
    machine.clear_blocked();
    forget_orphans(work, machine);
  });
  judge_server(work, request.server);
  return Acted{
      false, "Server", request.server,
      "released server " + request.server + " for install, which held: " + held + ": " + request.reason};
}

ActResult act(Work& work, const ReidentifyServer& request, const std::string&) {
  const auto found = server_named(work, request.server);
  if (!found) return std::unexpected(found.error());
  if (auto bad = may_change_identity(work, **found, "reidentified", request.confirm, request.reason))
    return std::unexpected(std::move(*bad));
  const std::string change =
      identity_words(expected_identity(**found)) + " -> " + identity_words((*found)->status().seen());
  expect_what_is_seen(work, request.server);
  take_reported_names(work, request.server);
  judge_server(work, request.server);
  return Acted{false, "Server", request.server,
               "reidentified server " + request.server + " (another board, the same disks): " + change +
                   ": " + request.reason};
}

ActResult act(Work& work, const ReplaceServer& request, const std::string& actor) {
  const auto found = server_named(work, request.server);
  if (!found) return std::unexpected(found.error());
  if (auto bad = may_change_identity(work, **found, "replaced", request.confirm, request.reason))
    return std::unexpected(std::move(*bad));
  const std::string change =
      identity_words(expected_identity(**found)) + " -> " + identity_words((*found)->status().seen());
  const std::string old = (*found)->status().machine();
  forget_machine(work, request.server);
  change_machine(work, old, [&](Machine& machine) {
    machine.set_blocked("it was replaced as " + request.server + " by " + request.confirm + " (" +
                        said_by(actor, request.reason) + ")");
  });
  expect_what_is_seen(work, request.server);
  judge_server(work, request.server);
  return Acted{false, "Server", request.server,
               "replaced the machine of server " + request.server + ": " + change + ": " + request.reason};
}

ActResult act(Work& work, const MoveServer& request, const std::string&) {
  const auto found = server_named(work, request.server);
  if (!found) return std::unexpected(found.error());
  const rest::Server before = **found;
  if (auto bad = not_while_open(work, before, "moved")) return std::unexpected(std::move(*bad));
  if (auto bad = not_while_unclear(work, before, "moved")) return std::unexpected(std::move(*bad));
  rest::Server moved = before;
  auto& spec = *moved.mutable_spec();
  if (!request.site.empty()) spec.set_site(request.site);
  if (!request.address.empty()) spec.mutable_bmc()->set_address(request.address);
  if (!request.credential.empty()) spec.mutable_bmc()->set_credential(request.credential);
  if (auto bad = check(moved, work.mesh())) return std::unexpected(std::move(*bad));
  if (const auto clash =
          work.ledger.identities().clash(request.server, {}, {spec.site(), spec.bmc().address()})) {
    return std::unexpected(refusal(ErrorKind::conflict, "address",
                                   clash->value + " already belongs to " + clash->owner(spec.site()),
                                   clash->next(spec.site(), "move that one first: metalmesh server move " +
                                                                clash->other + " --address ADDRESS")));
  }
  const std::string from = before.spec().site() + " " + before.spec().bmc().address();
  const std::string to = spec.site() + " " + spec.bmc().address();
  if (from == to)
    return std::unexpected(
        refusal(ErrorKind::conflict, "address", request.server + " is at " + to + " already"));
  store_server(work, &before, std::move(moved));
  return Acted{false, "Server", request.server,
               "moved server " + request.server + " from " + from + " to " + to};
}

}  // namespace metalmesh::controller
