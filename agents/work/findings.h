// What was looked at, as it is told: found, wanted, next step. Texts are bounded here.
#pragma once

#include <string>

#include "schemas/wire/finding.pb.h"

namespace metalmesh::work {

wire::Finding fine(std::string check, std::string found);
/// Nobody says; `next` may find out.
wire::Finding untold(std::string check, std::string found, std::string next = {});
struct Wrong {
  std::string found;
  std::string wanted;
  std::string next;  // one command, or one physical act
  wire::FaultCode code = wire::FAULT_CODE_UNSPECIFIED;
  std::string detail = {};  // the BMC's own words
};
wire::Finding wrong(std::string check, Wrong what);
/// What an order would end with.
wire::Finding finding_of(std::string check, const wire::Fault& fault, std::string wanted);

}  // namespace metalmesh::work
