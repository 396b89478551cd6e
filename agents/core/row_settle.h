// A person says what is true of a row that was damaged (row_care.h); the agent does not run meanwhile. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/ports/store.h"

namespace metalmesh::agent {

struct RowWord {
  std::string row;                       // as it was told
  std::optional<std::uint64_t> through;  // of a fence: orders up to this one are over
  std::string note;
};

/// What to commit; the controller is told with it. Kinds: not_found (no such damaged row), invalid (a word is missing).
Result<Batch> settle_row(const RowReader& rows, const RowWord& word, WallTime now);

}  // namespace metalmesh::agent
