// The time that the media server lives by.
#pragma once

#include "common/base/time.h"
#include "common/os/clocks.h"

namespace metalmesh::media {

/// The core judges by monotonic time alone.
inline Now as_now(MonoTime mono) { return {mono, {}, {}}; }

}  // namespace metalmesh::media
