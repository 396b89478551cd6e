// The way from an endpoint to the core: fills in who asks and the idempotency key, turns a Refusal into a
// Problem. Endpoints get it as a value, so they neither know the core nor the Outcome it writes to.
#pragma once

#include <functional>

#include "controller/api/api_request.h"
#include "controller/api/problem.h"
#include "controller/core/operator_request.h"

namespace metalmesh::controller {

using OperatorBody = decltype(OperatorRequest::body);
using Operate = std::function<OperatorResult(OperatorRequest)>;

/// A refusal of the core, as it is told.
Problem to_problem(Refusal refusal);
/// Refuses with 400 an Idempotency-Key that is not 1 to 128 printable characters.
std::expected<void, Problem> check_idempotency_key(const ApiRequest& request);
/// Asks the core.
std::expected<Answer, Problem> ask(const ApiRequest& request, const Operate& operate, OperatorBody body);

}  // namespace metalmesh::controller
