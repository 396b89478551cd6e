// What the journal is bound to: a data folder that was copied to another machine must not act there.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"

namespace metalmesh::agent {

struct MachineIdFiles {
  std::filesystem::path dmi = "/sys/class/dmi/id/product_uuid";  // root only on most systems
  std::filesystem::path fallback = "/etc/machine-id";
};

/// The DMI UUID when it can be read and is no vendor default, otherwise the system's machine id.
Result<std::string> read_machine_id(const MachineIdFiles& files = {});

}  // namespace metalmesh::agent
