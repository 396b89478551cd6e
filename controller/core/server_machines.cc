#include "controller/core/server_machines.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "common/base/digest.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/server_phases.h"
#include "controller/state/row_codec.h"

namespace metalmesh::controller {
namespace {

using record::Machine;

constexpr std::size_t id_bytes = 8;
constexpr std::size_t names_limit = 256;  // of one machine: NICs come and go

const rest::Server& server_at(const Work& work, const std::string& name) {
  return work.mesh().servers.at(name);
}

std::string new_id(Work& work) { return "m-" + to_hex(work.entropy.bytes(id_bytes)); }

std::string former_id(const std::string& id) { return "id=" + id; }

bool is_seen(const Work& work, const std::string& id) {
  const Machine* machine = work.ledger.machines().find(id);
  return machine != nullptr && machine->seen();
}

/// What the manifest says it is, by itself or by its site.
Machine::Use declared_use(const Work& work, const rest::Server& server) {
  std::string state = server.spec().state();
  if (const auto site = work.mesh().sites.find(server.spec().site());
      state.empty() && site != work.mesh().sites.end())
    state = site->second.spec().defaults().new_servers();
  return state == "new" ? Machine::NEW : Machine::IN_USE;
}

std::string declared_note(const rest::Server& server, Machine::Use use) {
  return "server " + server.metadata().name() + " was registered " +
         (use == Machine::NEW ? "as new" : "without anybody saying that it is new");
}

/// How something that nobody has seen can be found again: where it is, and what is said to be there.
machines::Names said_names(const rest::Server& server) {
  machines::Names names = machines::names_of(server.spec().identity());
  names.push_back(machines::address_name(server.spec().site(), server.spec().bmc().address()));
  return names;
}

/// The machines that have one of these names.
std::set<std::string> known_by(const Work& work, const machines::Names& names) {
  if (planted(Defect::facts_go_with_objects)) return {};
  return work.ledger.machines().sharing(names);
}

bool other_object_has(const Work& work, const std::string& id, const std::string& server) {
  const auto objects = work.ledger.machines().servers_of(id);
  return std::ranges::any_of(objects, [&](const std::string& object) { return object != server; });
}

void set_names(Machine& machine, machines::Names names) {
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  machine.clear_names();
  for (std::string& name : names) machine.add_names(std::move(name));
}

void bind(Work& work, const std::string& server, const std::string& id) {
  if (server_at(work, server).status().machine() == id) return;
  work.ledger.change_server(server, [&](rest::Server& s) { s.mutable_status()->set_machine(id); });
}

/// All objects of machine `from` stand for `to` now, which is at least what `from` was.
void join_into(Work& work, const std::string& to, const std::string& from) {
  if (to == from) return;
  const Machine* source = work.ledger.machines().find(from);
  const Machine* target = work.ledger.machines().find(to);
  if (source == nullptr || target == nullptr) return;
  Machine joined = *target;
  machines::join(joined, *source);
  // Deployments remember the machine by the id it had.
  if (source->seen()) joined.add_names(former_id(from));
  for (const std::string& server : work.ledger.machines().servers_of(from)) bind(work, server, to);
  work.ledger.erase_machine(from);
  work.ledger.put_machine(to, std::move(joined));
}

/// The machine that was registered there before, under whatever name, and never seen; else a new one.
std::string unseen_machine(Work& work, const rest::Server& server) {
  const machines::Names names = said_names(server);
  Machine machine;
  set_names(machine, names);
  const Machine::Use use = declared_use(work, server);
  machines::raise_use(machine, use, declared_note(server, use), to_wire(work.now.wall()));
  std::string id;
  for (const std::string& known : known_by(work, names)) {
    if (is_seen(work, known) || other_object_has(work, known, server.metadata().name())) continue;
    machines::join(machine, *work.ledger.machines().find(known));
    if (id.empty()) {
      id = known;
    } else {
      work.ledger.erase_machine(known);
    }
  }
  if (id.empty()) id = new_id(work);
  work.ledger.put_machine(id, std::move(machine));
  return id;
}

/// What another known machine is to one whose BMC reports `seen`.
enum class Kinship {
  same,      // nothing speaks against it, and more than one thing for it
  relative,  // shares a name, and may be the same with another board, or the source of a part
  stranger,  // shares a MAC with one that is known to be elsewhere, or was replaced: a NIC that was moved
};

int kinds_shared(const machines::Names& one, const machines::Names& other) {
  int shared = 0;
  for (const std::string_view kind : {"uuid=", "serial=", "mac="}) {
    shared += static_cast<int>(std::ranges::any_of(one, [&](const std::string& name) {
      return name.starts_with(kind) && std::ranges::find(other, name) != other.end();
    }));
  }
  return shared;
}

bool shares_more_than_macs(const machines::Names& one, const machines::Names& other) {
  return std::ranges::any_of(one, [&](const std::string& name) {
    return !name.starts_with("mac=") && std::ranges::find(other, name) != other.end();
  });
}

Kinship kinship_of(const Work& work, const std::string& id, const machines::Names& seen,
                   const std::string& server) {
  const Machine& machine = *work.ledger.machines().find(id);
  const machines::Names known = machines::names_of(machine);
  const bool all_known = std::ranges::includes(known, seen);
  if (!machines::contradicts(known, seen) && (all_known || kinds_shared(known, seen) > 1))
    return Kinship::same;
  const bool is_elsewhere = other_object_has(work, id, server) || !machine.blocked().empty();
  return is_elsewhere && !shares_more_than_macs(known, seen) ? Kinship::stranger : Kinship::relative;
}

/// Takes names up that the machine was not known by. Each leads once to whoever has it already: the same
/// machine is joined, and of a relative the machine is no emptier than that.
void learn_names(Work& work, const std::string& id, const machines::Names& seen, const std::string& server) {
  const machines::Names known = machines::names_of(*work.ledger.machines().find(id));
  machines::Names fresh;
  std::ranges::set_difference(seen, known, std::back_inserter(fresh));
  if (fresh.empty()) return;
  Machine facts;
  for (const std::string& other : known_by(work, fresh)) {
    if (other == id || !is_seen(work, other)) continue;
    const Kinship kinship = kinship_of(work, other, seen, server);
    if (kinship == Kinship::same) join_into(work, id, other);
    if (kinship == Kinship::relative) machines::inherit(facts, *work.ledger.machines().find(other));
  }
  Machine machine = *work.ledger.machines().find(id);
  if (!facts.use_note().empty()) machines::inherit(machine, facts);
  machines::Names names = machines::names_of(machine);
  std::ranges::copy(fresh, std::back_inserter(names));
  if (names.size() > names_limit) names.resize(names_limit);
  set_names(machine, std::move(names));
  work.ledger.put_machine(id, std::move(machine));
}

/// The machine that is known by what was seen, or a new one.
std::string seen_machine(Work& work, const std::string& server, const machines::Names& seen) {
  std::string id;
  for (const std::string& known : known_by(work, seen)) {
    if (is_seen(work, known) && kinship_of(work, known, seen, server) == Kinship::same) id = known;
  }
  if (!id.empty()) return id;
  id = new_id(work);
  Machine machine;
  machine.set_seen(true);
  work.ledger.put_machine(id, std::move(machine));
  return id;
}

void set_stranger(Work& work, const std::string& server, bool stranger) {
  if (server_at(work, server).status().stranger() == stranger) return;
  work.ledger.change_server(server, [&](rest::Server& s) { s.mutable_status()->set_stranger(stranger); });
}

}  // namespace

void enlist_machine(Work& work, const std::string& name, const rest::Server* old) {
  std::string id = server_at(work, name).status().machine();
  const bool unseen = !is_seen(work, id);
  if (unseen) {
    // It may stand elsewhere now, and what stood there may have been registered before.
    const std::string found = unseen_machine(work, server_at(work, name));
    bind(work, name, id.empty() ? found : id);
    if (id.empty()) {
      id = found;
    } else {
      join_into(work, id, found);
    }
  }
  const rest::ServerSpec& spec = server_at(work, name).spec();
  const bool said_in_use = spec.state() == "inUse" && (old == nullptr || old->spec().state() != "inUse");
  const bool said_protected = spec.protected_() && (old == nullptr || !old->spec().protected_());
  if (said_in_use || said_protected) {
    change_machine(work, id, [&](Machine& machine) {
      if (said_in_use) {
        machines::raise_use(machine, Machine::IN_USE, "server " + name + " was applied with state: inUse",
                            to_wire(work.now.wall()));
      }
      if (said_protected) machine.set_protected_(true);
    });
  }
  show_machine(work, name);
}

void recognise_machine(Work& work, const std::string& name) {
  const rest::Server& server = server_at(work, name);
  const machines::Names seen = machines::names_of(server.status().seen());
  // Who is not who was registered teaches nothing about the machine that was.
  if (!server.status().has_inspected_at() || seen.empty() || contradicts_registration(server)) return;
  const std::string own = server.status().machine();
  if (is_seen(work, own)) {
    const bool stranger = reports_stranger(work, server);
    set_stranger(work, name, stranger);
    if (!stranger) learn_names(work, own, seen, name);
  } else {
    const std::string id = seen_machine(work, name, seen);
    if (work.ledger.machines().find(own) != nullptr) {
      join_into(work, id, own);
    } else {
      change_machine(work, id, [&](Machine& machine) {
        if (!machine.use_note().empty()) return;
        machines::raise_use(machine, Machine::IN_USE, "nobody said that it is new", to_wire(work.now.wall()));
      });
    }
    bind(work, name, id);
    set_stranger(work, name, false);
    learn_names(work, id, seen, name);
  }
  for (const std::string& object :
       work.ledger.machines().servers_of(server_at(work, name).status().machine()))
    show_machine(work, object);
}

void take_reported_names(Work& work, const std::string& name) {
  const rest::ServerStatus& status = server_at(work, name).status();
  if (is_seen(work, status.machine()))
    learn_names(work, status.machine(), machines::names_of(status.seen()), name);
}

bool reports_stranger(const Work& work, const rest::Server& server) {
  const Machine* machine = work.ledger.machines().find(server.status().machine());
  if (machine == nullptr || !machine->seen() || !server.status().has_inspected_at()) return false;
  const machines::Names known = machines::names_of(*machine);
  const machines::Names seen = machines::names_of(server.status().seen());
  return !seen.empty() && (!machines::share_a_name(known, seen) || machines::contradicts(known, seen));
}

void change_machine(Work& work, const std::string& id, const std::function<void(Machine&)>& edit) {
  const Machine* known = work.ledger.machines().find(id);
  if (known == nullptr) return;
  Machine machine = *known;
  edit(machine);
  work.ledger.put_machine(id, std::move(machine));
  for (const std::string& server : work.ledger.machines().servers_of(id)) show_machine(work, server);
}

void show_machine(Work& work, const std::string& name) {
  const rest::Server& server = server_at(work, name);
  const Machine* known = work.ledger.machines().find(server.status().machine());
  if (known == nullptr) return;
  Machine machine = *known;
  if (!machine.seen()) {
    // Not seen yet: what is known of the machine that it is said to be holds until its BMC says otherwise.
    for (const std::string& id : work.ledger.machines().sharing(said_names(server))) {
      if (is_seen(work, id)) machines::inherit(machine, *work.ledger.machines().find(id));
    }
  }
  rest::ServerStatus status = server.status();
  status.set_protected_(machines::is_protected(machine));
  status.clear_unprotected_until();
  if (machine.has_unprotected_until()) *status.mutable_unprotected_until() = machine.unprotected_until();
  status.clear_installed();
  if (machine.has_installed()) *status.mutable_installed() = machine.installed();
  status.set_generation(std::max(status.generation(), machine.generation()));
  status.set_use(std::string(machines::word_of(machine.use())));
  status.set_holds(machines::holds(machine));
  status.set_blocked(machine.blocked());
  status.clear_unresolved();
  for (const auto& one : machine.unresolved()) status.add_unresolved(one.deployment());
  const std::string_view phase = machines::phase_of(machine);
  if (machine.seen() && before_install(status.phase()) && !phase.empty())
    status.set_phase(std::string(phase));
  if (canonical_bytes(status) == canonical_bytes(server.status())) return;
  work.ledger.change_server(name,
                            [&](rest::Server& changed) { *changed.mutable_status() = std::move(status); });
}

std::string machine_of(const Work& work, const rest::Deployment& deployment) {
  if (const std::string& id = deployment.machine(); !id.empty()) {
    const auto heirs = work.ledger.machines().sharing({former_id(id)});
    return work.ledger.machines().find(id) != nullptr || heirs.empty() ? id : *heirs.begin();
  }
  const auto server = work.mesh().servers.find(deployment.server());
  const bool its_own =
      server != work.mesh().servers.end() && server->second.status().deployment() == deployment.id();
  return its_own ? server->second.status().machine() : std::string();
}

}  // namespace metalmesh::controller
