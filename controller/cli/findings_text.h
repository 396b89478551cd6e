// What a doctor found, as people read it: what is wrong with what to do about it, then in one line what is fine and what
// nobody says. Pure.
#pragma once

#include <string>
#include <vector>

#include "schemas/rest/api.pb.h"

namespace metalmesh::cli {

/// Of one server or site.
struct Patient {
  std::string name;
  std::vector<wire::Finding> findings;
};

/// Those of a deployment; one that ended otherwise than by finding them has its fault for one.
std::vector<wire::Finding> findings_of(const rest::Deployment& deployment);
/// A server that no order was made for.
wire::Finding left_out(const rest::PlanExcluded& excluded);

/// What the controller is alarmed by.
wire::Finding finding_of(const rest::Alarm& alarm);

bool is_well(const std::vector<wire::Finding>& findings);
/// Of each what is wrong, check by check.
std::string findings_text(const Patient& patient);
/// Of many: the same cause once, most first, with who has it.
std::string causes_text(const std::vector<Patient>& patients);
/// Only this check, whatever it says.
std::string check_text(const Patient& patient, std::string_view check);

}  // namespace metalmesh::cli
