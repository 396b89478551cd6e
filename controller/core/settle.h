// The end of every input.
#pragma once

#include "controller/core/work.h"

namespace metalmesh::controller {

/// Carries rollouts on if something moved, then turns what changed into rows, and new lines of the event log into lines
/// of the process's own.
void settle(Work& work);

}  // namespace metalmesh::controller
