// One kind of BMC, alive: what it was recorded to show, and how it behaves, which no recorded resource tells. The
// behaviour is data, a small JSON file for each (tests/bmcsim/personalities), and each fact in it has its source.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "tests/bmcsim/model/bmc_options.h"
#include "tests/bmcsim/model/recorded_tree.h"

namespace metalmesh::bmcsim {

struct Personality {
  std::string name;
  std::string tree_name;  // of the recorded tree that it stands on; empty: on the model's own
  RecordedTree tree;
  std::vector<std::string> faults;  // how it behaves beside the standard (fault.h)
  boost::json::object options;      // likewise, numbers: name to value
  std::map<std::string, boost::json::object>
      resources;              // by path: what is changed in it, or all of one that was not recorded
  bool label_is_sku = false;  // the number on its label
  std::map<std::string, std::string> sources;  // of each fault, option and resource, and of the label

  // What a good agent makes of it.
  std::string row;                     // of the known peculiarities; empty: it is as the standard says
  std::string installs = "SUCCEEDED";  // how an install ends

  /// Whether what it shows was recorded, or is after reports.
  [[nodiscard]] std::string_view level() const { return tree_name.empty() ? "modelled" : "recorded"; }
};

/// Without its tree. The error names the field. Kind: invalid.
Result<Personality> parse_personality(std::string_view text);
/// Sets what it says in numbers. It is known to be right.
void apply_options(const Personality& personality, BmcOptions& options);

}  // namespace metalmesh::bmcsim
