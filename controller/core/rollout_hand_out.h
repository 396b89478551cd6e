// Hands out the orders of a rollout that runs: the next ones in the plan's order, of waves that have begun, within the limits, in
// the windows of rollout and site. What an order may start by goes with it, so that nothing starts behind the end of its window
// because it lay at its site meanwhile.
#pragma once

#include <string>

#include "controller/core/work.h"

namespace metalmesh::controller {

/// What may be handed out now is.
void hand_out(Work& work, const std::string& rollout);

/// By how much a person has moved what this order was to start by.
Duration set_later(const rest::Rollout& rollout, const wire::Issue& issue);

}  // namespace metalmesh::controller
