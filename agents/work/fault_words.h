// From a fault's code to its words: what was seen (with both values), what to do next, and whether another attempt may
// help while nothing was changed. Stages state facts; only these tables write sentences. A work has a table of its own
// for what only it meets; what every talk with a BMC can meet is here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "agents/bmc/turn.h"
#include "common/base/time.h"
#include "schemas/record/job.pb.h"

namespace metalmesh::work {

/// What a stage knows about a failure; unused ones stay empty.
struct FaultFacts {
  std::string expected;
  std::string seen;
  std::string detail;  // the BMC's own words
  std::string slot;    // of the BMC; the job's own when empty
  Duration span{};
  std::uint32_t tries = 0;
};
FaultFacts facts_of(const bmc::Trouble& trouble);

/// Placeholders: {server} {bmc} {credential} {expected} {seen} {span}, and those of the work.
struct Wording {
  wire::FaultCode code;
  bool may_pass;       // an automatic retry is worth it
  bool unknown_after;  // past the point of no return it says nothing of what became of the machine
  std::string_view seen;
  std::string next;
};
/// Of the two marks of a wording.
namespace marks {
inline constexpr bool passes = true;
inline constexpr bool stays = false;
inline constexpr bool unknown = true;
inline constexpr bool known = false;
}  // namespace marks

/// nullptr: not one that every talk can meet.
const Wording* common_wording(wire::FaultCode code);

/// `own` knows the placeholders of the work. The disk is left open.
wire::Fault put_in_words(const record::Job& job, const Wording& wording, wire::FaultCode code,
                         const FaultFacts& facts,
                         const std::function<std::string(std::string_view)>& own = {});

}  // namespace metalmesh::work
