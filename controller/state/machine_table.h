// Every machine that was ever registered or seen, by its own id, with an index of its names and of the
// objects that stand for it. Which facts follow from what is in machine_facts.h.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "controller/state/machine_facts.h"

namespace metalmesh::controller {

class MachineTable {
 public:
  MachineTable() = default;
  explicit MachineTable(std::map<std::string, record::Machine> machines);

  [[nodiscard]] const std::map<std::string, record::Machine>& all() const { return machines_; }
  /// nullptr: no such machine.
  [[nodiscard]] const record::Machine* find(const std::string& id) const;
  /// The machines that have one of these names.
  [[nodiscard]] std::set<std::string> sharing(const machines::Names& names) const;
  /// The objects that stand for it; more than one when a machine was registered twice.
  [[nodiscard]] std::set<std::string> servers_of(const std::string& id) const;

  void put(const std::string& id, record::Machine machine);
  void erase(const std::string& id);
  /// Keeps the index of objects in step; `unbind` with the values it was bound with.
  void bind(const rest::Server& server);
  void unbind(const rest::Server& server);

 private:
  void index(const std::string& id, const record::Machine& machine);
  std::map<std::string, record::Machine> machines_;
  std::set<std::pair<std::string, std::string>> names_;    // name, id
  std::set<std::pair<std::string, std::string>> servers_;  // id, server
};

}  // namespace metalmesh::controller
