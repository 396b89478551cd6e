#include "tests/bmcsim/model/fault.h"

#include <algorithm>

namespace metalmesh::bmcsim {

const std::vector<const Fault*>& all_faults() {
  static const std::vector<const Fault*> all = [] {
    std::vector<const Fault*> faults;
    for (const auto table :
         {session_faults(), discovery_faults(), identity_faults(), media_faults(), boot_faults(),
          power_faults(), text_faults(), transport_faults(), care_faults()}) {
      for (const Fault& fault : table) faults.push_back(&fault);
    }
    return faults;
  }();
  return all;
}

const Fault* fault_named(std::string_view name) {
  const auto& all = all_faults();
  const auto found = std::ranges::find(all, name, [](const Fault* fault) { return fault->name; });
  return found == all.end() ? nullptr : *found;
}

}  // namespace metalmesh::bmcsim
