// Whether the list of revoked certificates that the broker reads will do. By one that has ended a broker refuses every newcomer;
// who is connected stays. Pure.
#pragma once

#include <optional>

#include "common/base/time.h"
#include "common/ports/input.h"
#include "controller/core/work.h"

namespace metalmesh::controller {

/// Raised while a third of the list's time is left, but not more than 30 days.
std::optional<rest::Alarm> alarm_of(const RevocationsRead& list, WallTime now);

/// Every second or so: what of that is news goes into the event log.
void watch_revocations(Work& work);

}  // namespace metalmesh::controller
