#include "controller/state/machine_table.h"

namespace metalmesh::controller {
namespace {

/// The second halves of all pairs that begin with `first`.
std::set<std::string> seconds(const std::set<std::pair<std::string, std::string>>& pairs,
                              const std::string& first) {
  std::set<std::string> out;
  for (auto it = pairs.lower_bound({first, ""}); it != pairs.end() && it->first == first; ++it)
    out.insert(it->second);
  return out;
}

}  // namespace

MachineTable::MachineTable(std::map<std::string, record::Machine> machines) : machines_(std::move(machines)) {
  for (const auto& [id, machine] : machines_) index(id, machine);
}

void MachineTable::index(const std::string& id, const record::Machine& machine) {
  for (const std::string& name : machine.names()) names_.insert({name, id});
}

const record::Machine* MachineTable::find(const std::string& id) const {
  const auto found = machines_.find(id);
  return found == machines_.end() ? nullptr : &found->second;
}

std::set<std::string> MachineTable::sharing(const machines::Names& names) const {
  std::set<std::string> out;
  for (const std::string& name : names) out.merge(seconds(names_, name));
  return out;
}

std::set<std::string> MachineTable::servers_of(const std::string& id) const { return seconds(servers_, id); }

void MachineTable::put(const std::string& id, record::Machine machine) {
  erase(id);
  index(id, machine);
  machines_[id] = std::move(machine);
}

void MachineTable::erase(const std::string& id) {
  const auto found = machines_.find(id);
  if (found == machines_.end()) return;
  for (const std::string& name : found->second.names()) names_.erase({name, id});
  machines_.erase(found);
}

void MachineTable::bind(const rest::Server& server) {
  if (!server.status().machine().empty())
    servers_.insert({server.status().machine(), server.metadata().name()});
}

void MachineTable::unbind(const rest::Server& server) {
  servers_.erase({server.status().machine(), server.metadata().name()});
}

}  // namespace metalmesh::controller
