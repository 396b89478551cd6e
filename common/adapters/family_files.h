// The catalogue of OS families from YAML: those inside the program, then those of a folder, which may replace
// them.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/families/family_catalogue.h"

namespace metalmesh::adapters {

/// Reads every *.yaml of `folder` (empty: none) in the order of their names. The error names file, line and
/// field.
Result<families::FamilyCatalogue> load_families(const std::string& folder = {});

}  // namespace metalmesh::adapters
