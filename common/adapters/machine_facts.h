// Facts about this machine and process that explain odd behaviour: kernel, clocks, memory, limits, disks. As
// JSON.
#pragma once

#include <filesystem>
#include <string>

namespace metalmesh::adapters {

/// Kernel and OS, uptime, load and memory, the clocks with what the kernel says about their synchronisation,
/// and this process's limits.
std::string machine_facts();
/// Free and total room of the disk below `folder`, its descriptors' limits, and every file in it with its
/// size; names only, no contents.
std::string folder_facts(const std::filesystem::path& folder);

}  // namespace metalmesh::adapters
