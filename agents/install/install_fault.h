// The one table from a fault's code to its words: what was seen (with both values), what to do next, whether
// another attempt may help while the disk is untouched, and what the job's end is called once an installer
// ran. Stages state facts; only this table writes sentences.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/time.h"
#include "schemas/record/job.pb.h"

namespace metalmesh::install {

/// What a stage knows about a failure; unused ones stay empty.
struct FaultFacts {
  std::string expected;
  std::string seen;
  std::string detail;  // the BMC's own words
  std::string slot;    // of the BMC; the job's own when empty
  Duration span{};
  std::uint32_t tries = 0;
};

wire::Fault make_fault(const record::Job& job, wire::FaultCode code, const FaultFacts& facts);

/// True when the cause may pass by itself: an automatic retry is worth it, as long as nothing was launched.
bool may_pass(wire::FaultCode code);

/// An installer was launched, and nothing yet is a ground to take its medium: neither its end, nor a host
/// that was seen off, nor max_run, nor a person.
bool installer_may_run(const record::Job& job);

/// A fault of the talk with the BMC, which says nothing of an installer that runs meanwhile.
bool is_of_talk(wire::FaultCode code);

/// How the job ends, by its facts: SUCCEEDED without a fault; CANCELLED; UNPROVEN once the installer ended;
/// FAILED or INDETERMINATE after LAUNCHED, as the table says; FAILED before.
wire::Ended::Outcome outcome_of(const record::Job& job);
wire::DiskState disk_of(const record::Job& job);

}  // namespace metalmesh::install
