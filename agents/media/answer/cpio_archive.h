// A cpio archive (SVR4 "newc") with one file and the directories above it, as Linux unpacks it over its
// initramfs. Source: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
#pragma once

#include <string>
#include <string_view>

namespace metalmesh::media {

std::string cpio_of_one_file(std::string_view name, std::string_view content);

}  // namespace metalmesh::media
