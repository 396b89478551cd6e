// The grammar of `metalmesh`: arguments become one command, which then runs.
#pragma once

#include <string>
#include <vector>

#include "controller/cli/console.h"

namespace metalmesh::cli {

/// `arguments` without the program's name. Prints what there is to print.
ExitCode run(const std::vector<std::string>& arguments, const std::string& version);

}  // namespace metalmesh::cli
