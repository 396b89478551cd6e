// What is wrong with how a case ended: with what it expects, and with what every case expects.
#pragma once

#include <string>
#include <vector>

#include "tests/sim/cases/case_bench.h"

namespace metalmesh::sim {

/// "SUCCEEDED PROOF_BOOTED", "FAILED INSERT_REFUSED: slot ... | next: ... | detail: ... | debts: ...".
std::string seen(const CaseResult& result);
/// Empty when the case holds.
std::vector<std::string> objections(const Case& the_case, const CaseResult& result, const Machine& machine);

}  // namespace metalmesh::sim
