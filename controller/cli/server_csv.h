// Servers as the manifest of a vendor or a spreadsheet has them: a row each, below a header that names the columns. What a
// cell does not say stays as it is on a server that is registered already. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/cli/manifest.h"

namespace metalmesh::cli {

/// Passwords of BMCs are refused: they are their site's alone. `without_passwords`: that column is passed over.
Result<ReadObjects> servers_of_csv(std::string_view text, const std::string& name, bool without_passwords);

/// "name, site, bmc, ..." for help.
std::string csv_column_words();

}  // namespace metalmesh::cli
