// An owned file descriptor.
#pragma once

#include "common/os/fd.h"

namespace metalmesh::media {

using FileHandle = os::Fd;

}  // namespace metalmesh::media
