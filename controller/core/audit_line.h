// What the event log says of an operator's request, granted or refused.
#pragma once

#include "controller/core/object_apply.h"
#include "controller/core/operator_request.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

rest::LogEvent audit_line(const OperatorRequest& request, const ActResult& result);

}  // namespace metalmesh::controller
