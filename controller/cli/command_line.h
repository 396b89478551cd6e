// The grammar of `metalmesh`: arguments become one command, which then runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/cli/console.h"

namespace metalmesh::cli {

/// `arguments` without the program's name. Prints what there is to print.
ExitCode run(const std::vector<std::string>& arguments, const std::string& version);

/// What is wrong with `arguments`; nothing when they are a command. Runs and prints nothing.
std::optional<std::string> usage_error(const std::vector<std::string>& arguments);

}  // namespace metalmesh::cli
