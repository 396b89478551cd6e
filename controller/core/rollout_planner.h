// Who is in a rollout, who is not and why, in which order: a pure function of the mesh. The digest (plan_tree.h) covers
// all that a person agrees to with `start`; a plan whose digest a fresh planning no longer reproduces is stale. Limits
// and thresholds are beside it: whoever edits them edits the rollout, which then has no plan.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/orders/plan_tree.h"
#include "controller/core/operator_request.h"
#include "controller/state/identity_index.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

/// Who starts a plan a day later does not know what she starts.
inline constexpr Duration plan_lifetime = std::chrono::hours(24);

/// A plan is the orders in it: what is shown of it, and what each of its servers would be ordered.
struct PlannedOrders {
  rest::Plan shown;
  std::vector<std::string> agreed;  // serialized wire::Agreed, one for each of shown.servers
  orders::PlanTree tree;
  std::vector<std::string> to_inspect;  // whom the next inspection may bring in
};

/// Fails with a Refusal when what the rollout refers to is gone or does not fit any more.
std::expected<PlannedOrders, Refusal> make_plan(const MeshState& mesh, const IdentityIndex& identities,
                                                const rest::Rollout& rollout, const Now& now);

}  // namespace metalmesh::controller
