// POST: what people order. Everything irreversible that can follow starts at start_rollout.
#pragma once

#include "controller/api/api_request.h"
#include "controller/api/operate.h"
#include "controller/api/problem.h"

namespace metalmesh::controller {

/// The endpoint must be one of the POST ones. Answers the object (or deployment) as it is afterwards: 200, or
/// 202 where the result arrives later as an event (inspect, prefetch).
ApiResult perform_action(const ApiRequest& request, const Operate& operate);
/// To an action that was carried out.
ApiReply action_reply(const ApiRequest& request, const Answer& answer);

}  // namespace metalmesh::controller
