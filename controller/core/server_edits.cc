#include "controller/core/server_edits.h"

#include <utility>

#include "common/base/machine_key.h"
#include "common/base/planted.h"
#include "controller/core/actions/actions.h"
#include "controller/core/fences.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/object_apply.h"
#include "controller/core/order_call_back.h"
#include "controller/core/server_machines.h"
#include "controller/core/server_phases.h"
#include "controller/state/row_codec.h"

namespace metalmesh::controller {
namespace {

using rules::refusal;
using rules::Verdict;

template <class Message>
bool differ(const Message& one, const Message& other) {
  return canonical_bytes(one) != canonical_bytes(other);
}

/// The first part of the spec that an order was made from and that is another one now; nullptr: none.
/// `becomes`: the order says what the server is to become, too.
const char* ordered_part_changed(const rest::ServerSpec& old, const rest::ServerSpec& now, bool becomes) {
  rest::ServerSpec old_vars;
  rest::ServerSpec new_vars;
  *old_vars.mutable_vars() = old.vars();
  *new_vars.mutable_vars() = now.vars();
  if (old.site() != now.site()) return "spec.site";
  if (differ(old.bmc(), now.bmc())) return "spec.bmc";
  if (differ(old.identity(), now.identity())) return "spec.identity";
  if (!becomes) return nullptr;
  if (old.hostname() != now.hostname()) return "spec.hostname";
  if (differ(old.host(), now.host())) return "spec.host";
  return differ(old_vars, new_vars) ? "spec.vars" : nullptr;
}

/// What makes it more than a name, for people; empty: nothing.
std::string guarded_by(const rest::Server& server) {
  const auto& status = server.status();
  if (status.unresolved_size() > 0) return "nobody knows how deployment " + status.unresolved(0) + " left it";
  if (status.use() == "inUse") return "it is in use";
  if (status.has_installed()) return "it holds " + status.holds();
  return server.spec().protected_() || status.protected_() ? "it is protected" : "";
}

}  // namespace

std::string confirmation_of(const rest::ServerIdentity& seen) {
  if (usable_serial(seen.serial())) return normal_serial(seen.serial());
  return usable_uuid(seen.uuid()) ? normal_uuid(seen.uuid()) : std::string();
}

std::string confirmation_of(const rest::Server& server) {
  for (const auto* known : {&server.status().pinned(), &server.status().seen(), &server.spec().identity()}) {
    if (std::string word = confirmation_of(*known); !word.empty()) return word;
  }
  return server.metadata().name();
}

Verdict may_change_server(const Work& work, const rest::Server* old, const rest::Server& server,
                          const IdentitiesToBe* to_be) {
  const std::string& name = server.metadata().name();
  const IdentityIndex::Place place{server.spec().site(), server.spec().bmc().address()};
  if (const auto clash = work.ledger.identities().clash(name, server.spec().identity(), place, to_be)) {
    const bool bmc = clash->field == "bmc.address";
    return refusal(
        ErrorKind::conflict, bmc ? "spec.bmc.address" : "spec.identity." + clash->field,
        clash->value + " already belongs to " + clash->owner(server.spec().site()),
        clash->next(server.spec().site(), "one machine has one name: correct this one; if " + clash->other +
                                              " stands elsewhere now, metalmesh server move " + clash->other +
                                              " --address ADDRESS"));
  }
  if (old == nullptr) return std::nullopt;
  const rest::Deployment* open = open_deployment(work.mesh(), *old);
  const char* changed =
      ordered_part_changed(old->spec(), server.spec(), open == nullptr || action_of(*open).wipes);
  if (open != nullptr && changed != nullptr && !planted(Defect::edit_while_ordered)) {
    return refusal(ErrorKind::conflict, changed,
                   "deployment " + open->id() + " of " + name + " is open (" + open->state() +
                       "): it does what was ordered, not what is changed now",
                   "wait for its end, or metalmesh rollout stop " + open->rollout() + " and change it then");
  }
  // Its end may be a person's word alone, or its medium may be in still: that order may go on, as it was made.
  const auto* fence = unfinished_at(work.mesh(), machine_of(*old));
  if (open == nullptr && fence != nullptr && changed != nullptr && !planted(Defect::edit_while_ordered)) {
    return refusal(ErrorKind::conflict, changed,
                   "deployment " + fence->first + " of " + name + " may still be at work at site " +
                       fence->second.site() +
                       (fence->second.confirmed() ? ", where its medium is kept in for its installer"
                                                  : ": it is not fenced yet") +
                       "; it does what was ordered, not what is changed now",
                   "wait until the site has told, then change it: metalmesh describe server " + name);
  }
  // The old site's agent holds the fence of this machine; another one knows nothing of it.
  if (old->spec().site() != server.spec().site() && old->status().generation() > 0) {
    return refusal(ErrorKind::conflict, "spec.site",
                   name + " has had orders at site " + old->spec().site() + " and cannot move by an edit",
                   "metalmesh server move " + name + " --site " + server.spec().site() + " --address " +
                       server.spec().bmc().address());
  }
  return std::nullopt;
}

void store_server(Work& work, const rest::Server* old, rest::Server server) {
  const std::string name = server.metadata().name();
  auto& status = *server.mutable_status();
  const bool is_new = old == nullptr;
  const bool rewired =
      is_new || differ(old->spec().bmc(), server.spec().bmc()) || old->spec().site() != server.spec().site();
  const bool protects = server.spec().protected_() && (is_new || !old->spec().protected_());
  if (is_new) status.set_phase(phases::registered);
  if (!is_new && old->spec().site() != server.spec().site()) status.set_former_site(old->spec().site());
  if (!is_new && differ(old->spec().identity(), server.spec().identity())) status.clear_pinned();
  if (rewired) {
    // What was seen was seen at another address.
    status.clear_seen();
    status.clear_inspected_at();
    status.clear_power();
    status.clear_bmc_key_sha256();
    status.clear_stranger();
    if (!is_new) work.ledger.erase_wish(old->spec().site(), name);
  }
  work.ledger.put(std::move(server));
  enlist_machine(work, name, old);
  judge_server(work, name);
  if (protects) call_order_back(work, name, "the server is protected by now");
  if (rewired) wish_inspection(work, name, AskedBy::person);
}

Verdict may_delete_server(const rest::Server& server, const std::string& confirm) {
  const std::string& name = server.metadata().name();
  const std::string why = guarded_by(server);
  if (why.empty() && confirm.empty()) return std::nullopt;
  if (confirm == confirmation_of(server)) return std::nullopt;
  const bool has_serial = confirmation_of(server) != name;
  const std::string wanted = has_serial ? "its serial" : "its name, for no serial is known";
  const std::string next =
      "metalmesh delete server " + name + " --confirm " + (has_serial ? std::string("SERIAL") : name);
  if (confirm.empty()) {
    return refusal(ErrorKind::conflict, "confirm", "server " + name + " goes only by " + wanted + ": " + why,
                   next);
  }
  return refusal(ErrorKind::conflict, "confirm",
                 "\"" + confirm.substr(0, 80) + "\" is not what server " + name + " goes by: " + wanted,
                 next);
}

}  // namespace metalmesh::controller
