// Which files of an installer image start it: a table of the names the common installers use. Matching
// ignores case, because plain ISO names are upper case where Rock Ridge ones are not.
#pragma once

#include <optional>
#include <string_view>

namespace metalmesh::media {

enum class BootRole {
  kernel,  // nothing installs without it; proves that the table knows this installer
  initrd,
  configuration,  // what a boot loader reads to find the kernel
  loader,         // may carry a kernel inside (unified kernel images)
};

/// The role of the file at `path` ("/boot/vmlinuz"), if it has one.
std::optional<BootRole> boot_role_of(std::string_view path);

}  // namespace metalmesh::media
