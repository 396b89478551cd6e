// When inputs gather before the next turn, so that those which come close upon each other share one synced
// write and one round of waking. It helps whoever has much to do and delays everybody, so it takes a sign:
// the last turn had company. A job that talks with its BMC alone, or one caller of the API, never waits; a
// rush arrives together while a commit is in flight, and once inputs gather, they go on arriving together.
#pragma once

#include <chrono>
#include <cstddef>

#include "common/base/time.h"

namespace metalmesh::gathering {

/// So many inputs in one turn are company.
inline constexpr std::size_t company = 3;
/// Inputs gather until they are worth a write, or for a breath: a rush hardly waits.
inline constexpr std::size_t worth_a_write = 24;
inline constexpr Duration breath = std::chrono::milliseconds(32);

/// `inputs` of the last turn, without what only read.
constexpr bool pays(std::size_t inputs) { return inputs >= company; }

}  // namespace metalmesh::gathering
