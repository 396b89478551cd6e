// The shell lines by which installers that can run some before they partition find the disk of an order:
// POSIX, with nothing but udevadm, cat, grep and readlink, so busybox will do.
#pragma once

#include <string>

#include "schemas/wire/host.pb.h"

namespace metalmesh::answer {

/// Sets `disk` (and writes it to /tmp/metalmesh-disk) to the one fixed, writable disk for which all that is
/// set holds. None, or more than one, ends the script with 1: an installer must not guess what it may wipe.
std::string disk_script(const wire::DiskChoice& disk);

}  // namespace metalmesh::answer
