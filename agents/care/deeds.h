// Housekeeping of a BMC, one deed each: what is there to be done, the call for it, and when it is done. Pure; a new deed is a
// row in deeds.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/care/survey.h"
#include "agents/redfish/requests.h"

namespace metalmesh::care {

/// Of one machine, as it was read last.
struct Ward {
  const bmc::Dialogue& bmc;
  const Told& told;
  bool all = false;               // not only what is ours
  std::string media_base;         // of our own media; empty: we serve none
  std::string media_ca;           // PEM, that they are checked by
  std::vector<std::string> done;  // in this job: what of its calls
  WallTime time;
};

/// One call, and what it is for.
struct Call {
  redfish::Request request;
  std::string what;  // "session /redfish/v1/SessionService/Sessions/7"
};

/// Why a deed must not be done, or cannot be.
struct Against {
  wire::FaultCode code;
  std::string why;
  std::string next;  // empty: as for others of that code
};

struct Deed {
  wire::Housekeeping::Deed deed;
  std::string_view words;  // "to end sessions"
  bmc::Ask ask;
  record::Job::Intent intent;
  std::vector<Topic> topics;
  bool of_media = false;  // what its slots hold, and its host does: looked at twice before anything is taken
  /// Nothing: it may be done to this machine.
  std::optional<Against> (*against)(const Ward&);
  /// What is still to be done; empty: nothing.
  std::vector<Call> (*calls)(const Ward&);
};

/// nullptr: this agent does not know it.
const Deed* find_deed(wire::Housekeeping::Deed deed);

}  // namespace metalmesh::care
