// Where the programs of a mesh are on this machine.
#pragma once

#include <filesystem>

#include "common/base/result.h"

namespace metalmesh::up {

struct Programs {
  std::filesystem::path broker, controller, agent;
};

/// Ours are looked for beside the running program, then in $PATH; mosquitto in $PATH and where Debian keeps
/// it. What is missing is named with the package or the step that brings it.
Result<Programs> find_programs();

/// The running program as a person can type it: its plain name if $PATH leads to it, else the whole path.
std::string own_name();

}  // namespace metalmesh::up
