// Whether the agent's rows are whole, asked once before the core loads them. What is damaged is named and
// refused: a fence or a job that was half understood is worse than an agent that does not start.
#pragma once

#include "common/base/result.h"
#include "common/ports/store.h"

namespace metalmesh::agent {

/// Kinds: corrupt, unsupported (written by a newer agent); the message names the row and the next step.
Status check_rows(const RowReader& rows);

}  // namespace metalmesh::agent
