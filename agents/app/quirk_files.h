// The table of known BMC peculiarities from YAML: the rows inside the program, then those of a site's folder,
// which may add to them or replace them, but not say what identifies a machine.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/quirks/quirk_table.h"

namespace metalmesh::agent {

/// Reads every *.yaml of `folder` (empty: none) in the order of their names. The error names file and field.
Result<QuirkTable> load_quirks(const std::string& folder);

}  // namespace metalmesh::agent
