// The ways around BMCs that inspections found, by address: hints for later dialogues (agents/bmc). Losing one
// costs a few requests, so a row that cannot be read is forgotten.
#pragma once

#include <map>
#include <string>

#include "common/ports/store.h"
#include "common/turn/outcome.h"
#include "schemas/record/agent.pb.h"

namespace metalmesh::agent {

class BmcMaps {
 public:
  explicit BmcMaps(const RowReader& reader);

  void keep(record::BmcMap map, Outcome& out);
  /// For this BMC with this key; nullptr: none. Valid until the next `keep` for its address.
  [[nodiscard]] const record::BmcMap* find(const wire::BmcTarget& bmc) const;

 private:
  std::map<std::string, record::BmcMap> maps_;  // by address
};

}  // namespace metalmesh::agent
