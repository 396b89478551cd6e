// The refusals and holds that the agent's core itself pronounces: code, what was seen, what to do next.
// Whatever the core refuses, no disk was touched.
#pragma once

#include <string>
#include <utility>

#include "schemas/wire/fault.pb.h"

namespace metalmesh::agent {

inline wire::Fault make_fault(wire::FaultCode code, std::string stage, std::string seen, std::string next) {
  wire::Fault fault;
  fault.set_code(code);
  fault.set_stage(std::move(stage));
  fault.set_seen(std::move(seen));
  fault.set_disk(wire::DISK_UNTOUCHED);
  fault.set_next(std::move(next));
  return fault;
}

}  // namespace metalmesh::agent
