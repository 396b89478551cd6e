#include "controller/state/machine_facts.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "common/base/bmc_address.h"
#include "common/base/machine_key.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "controller/state/deployment_states.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller::machines {
namespace {

constexpr std::array<std::string_view, 2> telling = {"uuid=", "serial="};

Names of_kind(const Names& names, std::string_view kind) {
  Names out;
  std::ranges::copy_if(names, std::back_inserter(out),
                       [&](const auto& name) { return name.starts_with(kind); });
  return out;
}

void set_names(record::Machine& machine, Names names) {
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  machine.clear_names();
  for (std::string& name : names) machine.add_names(std::move(name));
}

/// Protection as it is in force for longer: none that was lifted wins over one that was not.
void inherit_protection(record::Machine& into, const record::Machine& from) {
  if (!from.protected_()) return;
  const bool lifted = from.has_unprotected_until();
  if (!into.protected_()) {
    into.set_protected_(true);
    if (lifted) *into.mutable_unprotected_until() = from.unprotected_until();
    return;
  }
  if (!lifted) return into.clear_unprotected_until();
  if (into.has_unprotected_until() &&
      from_wire(from.unprotected_until()) < from_wire(into.unprotected_until())) {
    *into.mutable_unprotected_until() = from.unprotected_until();
  }
}

void inherit_unresolved(record::Machine& into, const record::Machine& from) {
  for (const auto& one : from.unresolved()) {
    const auto known =
        std::ranges::find(into.unresolved(), one.deployment(), &record::Machine::Unresolved::deployment);
    if (known == into.unresolved().end()) *into.add_unresolved() = one;
  }
}

bool any_unresolved(const record::Machine& machine, std::string_view state) {
  return std::ranges::any_of(machine.unresolved(), [&](const auto& one) { return one.state() == state; });
}

}  // namespace

Names names_of(const rest::ServerIdentity& identity) {
  Names names;
  if (usable_uuid(identity.uuid())) names.push_back("uuid=" + normal_uuid(identity.uuid()));
  if (usable_serial(identity.serial())) names.push_back("serial=" + normal_serial(identity.serial()));
  for (const std::string& mac : identity.macs()) {
    if (usable_mac(mac)) names.push_back("mac=" + normal_mac(mac));
  }
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

Names names_of(const record::Machine& machine) {
  Names names(machine.names().begin(), machine.names().end());
  std::ranges::sort(names);
  return names;
}

std::string address_name(const std::string& site, const std::string& address) {
  return "address=" + site + "/" + normal_bmc_address(address);
}

bool share_a_name(const Names& one, const Names& other) {
  return std::ranges::any_of(
      one, [&](const std::string& name) { return std::ranges::find(other, name) != other.end(); });
}

bool contradicts(const Names& one, const Names& other) {
  return std::ranges::any_of(telling, [&](std::string_view kind) {
    const Names mine = of_kind(one, kind);
    const Names others = of_kind(other, kind);
    return !mine.empty() && !others.empty() && !share_a_name(mine, others);
  });
}

void raise_use(record::Machine& machine, record::Machine::Use use, const std::string& note,
               const google::protobuf::Timestamp& since) {
  if (use <= machine.use() && !machine.use_note().empty()) return;
  machine.set_use(std::max(use, machine.use()));
  machine.set_use_note(note);
  *machine.mutable_use_since() = since;
}

void inherit(record::Machine& into, const record::Machine& from) {
  raise_use(into, from.use(), from.use_note(), from.use_since());
  if (from.has_installed() &&
      (!into.has_installed() || from_wire(into.installed().at()) < from_wire(from.installed().at()))) {
    *into.mutable_installed() = from.installed();
  }
  if (into.damaged_by().empty()) into.set_damaged_by(from.damaged_by());
  into.set_generation(std::max(into.generation(), from.generation()));
  inherit_protection(into, from);
  inherit_unresolved(into, from);
}

void join(record::Machine& into, const record::Machine& from) {
  inherit(into, from);
  if (into.blocked().empty()) into.set_blocked(from.blocked());
  Names names = into.seen() || !from.seen() ? names_of(into) : Names();
  if (from.seen() || !into.seen()) std::ranges::copy(from.names(), std::back_inserter(names));
  set_names(into, std::move(names));
  into.set_seen(into.seen() || from.seen());
}

bool is_protected(const record::Machine& machine) {
  return machine.protected_() ||
         (machine.use() == record::Machine::IN_USE && !planted(Defect::in_use_ignored));
}

std::string_view phase_of(const record::Machine& machine) {
  if (any_unresolved(machine, states::indeterminate)) return "failed";
  if (any_unresolved(machine, states::unproven)) return "unproven";
  if (machine.has_installed()) return "installed";
  return machine.damaged_by().empty() ? "" : "failed";
}

std::string holds(const record::Machine& machine) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  for (const auto& one : machine.unresolved())
    add("unclear: deployment " + one.deployment() + " ended " + one.state());
  if (machine.has_installed()) {
    const std::string& image = machine.installed().image();
    add((image.empty() ? "a system of ours" : image) + " since " + for_people(machine.installed().at()));
  } else if (!machine.damaged_by().empty()) {
    add("what deployment " + machine.damaged_by() + " left half written");
  }
  if (machine.use() == record::Machine::IN_USE) add("in use, not ours");
  if (machine.use() == record::Machine::RELEASED) add("given up for install");
  return text.empty() ? "empty" : text;
}

std::string_view word_of(record::Machine::Use use) {
  switch (use) {
    case record::Machine::NEW:
      return "new";
    case record::Machine::RELEASED:
      return "released";
    default:
      return "inUse";
  }
}

}  // namespace metalmesh::controller::machines
