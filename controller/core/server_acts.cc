// Inspect, accept, protect, retire a server; vouch for a site.
#include "controller/core/server_acts.h"

#include "common/base/command_words.h"
#include "common/base/machine_key.h"
#include "common/ports/wire_time.h"
#include "controller/core/field_rules.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/object_rules.h"
#include "controller/core/operator_acts.h"
#include "controller/core/order_call_back.h"
#include "controller/core/server_machines.h"
#include "controller/core/server_phases.h"
#include "controller/core/start_pace.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller {
namespace {

using rules::refusal;

constexpr std::int64_t longest_unprotect = std::int64_t{7} * 24 * 3600;  // seconds

std::unexpected<Refusal> refuse(ErrorKind kind, std::string field, std::string message,
                                std::string next = {}) {
  return std::unexpected(refusal(kind, std::move(field), std::move(message), std::move(next)));
}

rules::Verdict not_beside(const rest::Deployment* open, const std::string& server, const std::string& what) {
  if (open == nullptr) return std::nullopt;
  return refusal(ErrorKind::conflict, "",
                 "server " + server + " cannot be " + what + " now: deployment " + open->id() +
                     " of rollout " + open->rollout() + " is open (" + open->state() + ")",
                 "wait for its end or stop the rollout");
}

}  // namespace

std::expected<const rest::Server*, Refusal> server_named(const Work& work, const std::string& name) {
  const auto found = work.mesh().servers.find(name);
  if (found == work.mesh().servers.end()) {
    return refuse(ErrorKind::not_found, "server", "Server \"" + name.substr(0, 80) + "\" does not exist");
  }
  return &found->second;
}

rules::Verdict not_while_open(const Work& work, const rest::Server& server, const std::string& what) {
  return not_beside(open_deployment(work.mesh(), server), server.metadata().name(), what);
}

/// What the BMC reported, without a vendor's placeholders.
rest::ServerIdentity usable_part(const rest::ServerIdentity& seen) {
  rest::ServerIdentity usable;
  if (usable_uuid(seen.uuid())) usable.set_uuid(normal_uuid(seen.uuid()));
  if (usable_serial(seen.serial())) usable.set_serial(normal_serial(seen.serial()));
  for (const std::string& mac : seen.macs()) {
    if (usable_mac(mac)) usable.add_macs(normal_mac(mac));
  }
  return usable;
}

int fields_of(const rest::ServerIdentity& identity) {
  return static_cast<int>(!identity.uuid().empty()) + static_cast<int>(!identity.serial().empty()) +
         static_cast<int>(identity.macs_size() > 0);
}

rules::Verdict note_verdict(const std::string& field, const std::string& text, bool needed) {
  if (text.empty() && needed) {
    return refusal(ErrorKind::invalid, field, "is required: who reads the audit log wants to know why");
  }
  if (text.size() > rules::note_limit) return refusal(ErrorKind::invalid, field, "longer than 1024 bytes");
  return std::nullopt;
}

ActResult act(Work& work, const InspectServer& request, const std::string&) {
  const auto found = server_named(work, request.server);
  if (!found) return std::unexpected(found.error());
  wish_inspection(work, request.server, AskedBy::person);
  return Acted{false, "Server", request.server, "asked for an inspection of server " + request.server};
}

ActResult act(Work& work, const DiagnoseSite& request, const std::string&) {
  if (!work.mesh().sites.contains(request.site))
    return refuse(ErrorKind::not_found, "site", "Site \"" + request.site.substr(0, 80) + "\" does not exist");
  rest::SiteDoctor& doctor = *work.ledger.live_site(request.site).mutable_doctor();
  doctor.Clear();
  *doctor.mutable_asked() = to_wire(work.now.wall());
  work.ledger.site_moved(request.site);
  return Acted{false, "Site", request.site, "asked the agent of site " + request.site + " to look at itself"};
}

/// Of a BMC that nobody has logged in to: whoever it is the door to is found out now.
ActResult approve_key(Work& work, const rest::Server& server) {
  const std::string name = server.metadata().name(), key = server.status().bmc_key_sha256();
  work.ledger.change_server(name, [&](rest::Server& changed) {
    changed.mutable_status()->set_pinned_key_sha256(key);
    set_condition(*changed.mutable_status()->mutable_conditions(), "Reachable", "Unknown", "KEY_APPROVED",
                  "a person approved its BMC's key; it is inspected next", work.now);
  });
  wish_inspection(work, name, AskedBy::person);
  return Acted{false, "Server", name,
               "approved BMC key " + key + " of server " + name + ": it is inspected now"};
}

ActResult act(Work& work, const AcceptServer& request, const std::string&) {
  const auto found = server_named(work, request.server);
  if (!found) return std::unexpected(found.error());
  const rest::Server& server = **found;
  if (auto bad = not_while_open(work, server, "accepted")) return std::unexpected(std::move(*bad));
  if (awaits_approval(server)) return approve_key(work, server);
  if (!server.status().has_inspected_at()) {
    return refuse(ErrorKind::conflict, "",
                  "server " + request.server + " was never inspected: there is nothing to accept",
                  commands::inspect(request.server));
  }
  // Judged as if it were accepted: what an operator wrote must agree with the machine, and nobody else be it.
  rest::Server accepted = server;
  *accepted.mutable_status()->mutable_pinned() = usable_part(server.status().seen());
  accepted.mutable_status()->set_pinned_key_sha256(server.status().bmc_key_sha256());
  accepted.mutable_status()->set_stranger(reports_stranger(work, server));
  if (fields_of(accepted.status().pinned()) < 2) {
    return refuse(ErrorKind::conflict, "",
                  "the BMC of " + request.server +
                      " reports fewer than two of uuid, serial and macs that identify a machine",
                  "have the vendor program the board's identity");
  }
  const IdentityJudgement verdict = judge_identity(accepted, work.ledger.identities());
  if (!verdict.ok) return refuse(ErrorKind::conflict, "spec.identity", verdict.message, verdict.next);
  work.ledger.change_server(request.server,
                            [&](rest::Server& changed) { *changed.mutable_status() = accepted.status(); });
  judge_server(work, request.server);
  const auto& pinned = accepted.status().pinned();
  return Acted{false, "Server", request.server,
               "accepted server " + request.server + ": uuid " + pinned.uuid() + ", serial " +
                   pinned.serial() + ", " + std::to_string(pinned.macs_size()) + " MACs, BMC key " +
                   accepted.status().pinned_key_sha256()};
}

ActResult act(Work& work, const ProtectServer& request, const std::string& actor) {
  const auto found = server_named(work, request.server);
  if (!found) return std::unexpected(found.error());
  if (auto bad = note_verdict("reason", request.reason, !request.protect))
    return std::unexpected(std::move(*bad));
  const std::string machine_id = (*found)->status().machine();
  if (request.protect) {
    change_machine(work, machine_id, [](record::Machine& machine) {
      machine.set_protected_(true);
      machine.clear_unprotected_until();
    });
    const std::string recalled = call_order_back(work, request.server, "the server is protected by now");
    return Acted{false, "Server", request.server,
                 "protected server " + request.server + ": " + request.reason +
                     (recalled.empty() ? "" : "; " + recalled)};
  }
  if (is_in_use(**found)) {
    return refuse(ErrorKind::conflict, "",
                  "server " + request.server + " is in use, and what is on it is not ours to give up",
                  "metalmesh server release-for-install " + request.server + " --reason REASON");
  }
  if (request.for_seconds < 0 || request.for_seconds > longest_unprotect) {
    return refuse(ErrorKind::invalid, "duration", "must be longer than 0 and at most 7 days");
  }
  if (const auto why = request.break_glass ? glass_refused(work.mesh(), work.now) : std::nullopt)
    return refuse(ErrorKind::conflict, "breakGlass", *why,
                  "wait, or ask an approver: " + commands::unprotect(request.server));
  const auto lasting =
      request.for_seconds == 0 ? defaults::unprotect_for : std::chrono::seconds(request.for_seconds);
  const auto until = to_wire(work.now.wall() + lasting);
  change_machine(work, machine_id,
                 [&](record::Machine& machine) { *machine.mutable_unprotected_until() = until; });
  if (request.break_glass) {
    rest::BreakGlass glass;
    glass.set_server(request.server);
    glass.set_site((*found)->spec().site());
    glass.set_by(actor);
    glass.set_token(request.token);
    glass.set_reason(request.reason);
    *glass.mutable_at() = to_wire(work.now.wall());
    broke_glass(work, std::move(glass));
  }
  return Acted{
      false, "Server", request.server,
      "unprotected server " + request.server + " until " + for_people(until) + ": " + request.reason};
}

ActResult act(Work& work, const RetireServer& request, const std::string&) {
  const auto found = server_named(work, request.server);
  if (!found) return std::unexpected(found.error());
  if (auto bad = not_beside(any_open(work.mesh(), request.server), request.server, "retired"))
    return std::unexpected(std::move(*bad));
  work.ledger.erase_wish((*found)->spec().site(), request.server);
  work.ledger.change_server(
      request.server, [](rest::Server& server) { server.mutable_status()->set_phase(phases::retired); });
  return Acted{false, "Server", request.server, "retired server " + request.server};
}

ActResult act(Work& work, const ClearSiteQuarantine& request, const std::string&) {
  SiteLink* link = work.link(request.site);
  if (link == nullptr) {
    return refuse(ErrorKind::not_found, "site", "Site \"" + request.site.substr(0, 80) + "\" does not exist");
  }
  if (!request.journal.empty() && !link->knows_journal(request.journal)) {
    return refuse(
        ErrorKind::not_found, "journal",
        "no agent with journal " + request.journal.substr(0, 80) + " was heard as site " + request.site,
        commands::describe("site", request.site) + " names the agents that were");
  }
  if (!link->quarantined() && request.journal.empty())
    return refuse(ErrorKind::conflict, "site", "site " + request.site + " is not quarantined");
  if (request.note.empty() || request.note.size() > rules::note_limit) {
    return refuse(ErrorKind::invalid, "note",
                  "a note of 1 to 1024 bytes says why the agent can be trusted again");
  }
  const std::string reason = link->quarantine_reason();
  link->clear_quarantine(request.journal);
  work.moved = true;
  return Acted{false, "Site", request.site,
               "cleared the quarantine of site " + request.site +
                   (reason.empty() ? "" : " (" + reason + ")") +
                   (request.journal.empty() ? "" : ", to go on with journal " + request.journal) + ": " +
                   request.note};
}

}  // namespace metalmesh::controller
