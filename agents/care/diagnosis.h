// From what a BMC told to what stands in the way of an install, and what to do about it. Pure; a new check is a function
// and a line of the table in diagnosis.cc.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/care/survey.h"
#include "agents/work/findings.h"

namespace metalmesh::care {

/// All that is known of one machine by now.
struct Patient {
  const record::Job& job;
  const bmc::Dialogue& bmc;  // connected, managers and slots found
  const Told& told;
  std::string media_base;              // "https://host:port" of the site's media; empty: it serves none
  std::string media_ca;                // PEM, that they are checked by
  std::optional<wire::Fault> strange;  // it is not the registered machine, or not known well enough
  std::optional<WallTime> time;  // as the site knows it; nothing: not well enough to judge another clock
  std::string beside =
      {};  // the deployment that is at work on it: what is open and inserted may be its own; empty: none
};

/// Every check, in the order in which people want to be told.
std::vector<wire::Finding> diagnose(const Patient& patient);

/// The talk came no further than this: what was fine before, and what is wrong.
std::vector<wire::Finding> diagnose(const wire::Fault& fault);

}  // namespace metalmesh::care
