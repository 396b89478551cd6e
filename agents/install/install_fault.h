// The words of faults that only an install meets (the others are in agents/work/fault_words), and what they mean for
// how it ends.
#pragma once

#include "agents/work/fault_words.h"
#include "schemas/record/job.pb.h"

namespace metalmesh::install {

using work::FaultFacts;
using work::Wording;

wire::Fault make_fault(const record::Job& job, wire::FaultCode code, const FaultFacts& facts);

/// True when the cause may pass by itself: an automatic retry is worth it, as long as nothing was launched.
bool may_pass(wire::FaultCode code);

/// An installer was launched, and nothing yet is a ground to take its medium: neither its end, nor a host
/// that was seen off, nor max_run, nor a person.
bool installer_may_run(const record::Job& job);

/// A fault of the talk with the BMC, which says nothing of an installer that runs meanwhile.
bool is_of_talk(wire::FaultCode code);

/// An installer that hangs and restarts leaves the old system to run, whose boot and ports look like those of a new one. Where
/// its restart was taken for an end for want of a better sign, only a secret of this order tells the new one.
bool end_is_guessed(const record::Job& job);

/// How the job ends, by its facts: SUCCEEDED without a fault; CANCELLED; UNPROVEN once the installer ended;
/// FAILED or INDETERMINATE after LAUNCHED, as the table says; FAILED before.
wire::Ended::Outcome outcome_of(const record::Job& job);
wire::DiskState disk_of(const record::Job& job);

}  // namespace metalmesh::install
