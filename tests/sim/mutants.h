// The planted defects (common/base/planted.h): what each breaks, who must notice, and within how many seeds.
// A checker that catches nothing is a defect itself.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "common/base/planted.h"

namespace metalmesh::sim {

/// This program was built with the defects in it.
bool can_plant();
/// The defect of this name; none for the empty name. Ends the program for an unknown one.
Defect defect_named(const std::string& name);
/// Plants each in turn, without the seeds that are bad anyway, prints the table, and fails if one survives. Those that
/// no judge catches yet are tried with `open_too` only, and it fails if one of them is caught: it is no longer open.
/// `caught_before`: by name, a seed that caught it once and is tried first; which of its seeds is the first to do so takes
/// minutes to find out and changes nothing.
int run_mutants(unsigned threads, const std::set<std::uint64_t>& open_seeds, bool open_too,
                const std::map<std::string, std::uint64_t>& caught_before);

}  // namespace metalmesh::sim
