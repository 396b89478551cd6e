// The orders of a rollout that is started, made some at a time. Meanwhile it is *starting*: nothing of it is handed out, and
// it runs when all of them are there. A start that does not come to that (the controller ended, a server of which the order
// was not made yet changed) is taken back, some at a time as well: its orders go, and it is planned as before. So a
// rollout that runs has all the orders that its digest says. Who stops it meanwhile ends those that are there.
#pragma once

#include <cstddef>
#include <string>

#include "controller/core/field_rules.h"
#include "controller/core/order_builder.h"
#include "controller/core/rollout_planner.h"
#include "controller/core/work.h"
#include "controller/state/rollout_states.h"

namespace metalmesh::controller {

/// Who starts it, and by which of her tokens.
struct Starter {
  std::string actor;
  std::string token;
  std::optional<WallTime> until = {};  // nothing of it starts later
};

class OrderMaking {
 public:
  /// Of a plan that was just made by `making` for this rollout, which is planned and whose digest is the plan's. What is
  /// referred to must outlive it.
  OrderMaking(const Work& work, PlanMaking& making, std::string rollout, Starter starter);

  /// Makes so many. It runs when all are made: `done`. Refuses when what is left may not be ordered any more; what was
  /// made is to be taken back then.
  rules::Verdict go_on(Work& work, std::size_t orders);
  [[nodiscard]] bool done() const { return made_ == most_; }
  [[nodiscard]] std::uint32_t made() const { return made_; }

 private:
  [[nodiscard]] rules::Verdict may_go_on(const Work& work);
  void make(Work& work, const rest::PlanServer& planned);
  void enter(Work& work, RolloutState state) const;

  PlanMaking& making_;
  const std::string rollout_;
  const Starter starter_;
  const StartMoment started_;
  PlannedOrders planned_;  // without the pages of which all orders are made
  std::uint32_t made_ = 0;
  const std::uint32_t most_;
};

/// How many orders are made, or taken back, in the time in which so many servers are judged; all when that is all of them.
std::size_t orders_at_once(const Work& work, std::size_t servers);

/// Takes back up to so many orders of a start that nobody carries on; then the rollout is planned again. One of which
/// something happened in the meantime (its site knew it, a person ended it) is stopped instead: what runs goes on.
void take_back_start(Work& work, const std::string& rollout, std::size_t orders);

std::string plan_again(const std::string& rollout);
/// Nothing is to start later than that, of a rollout that starts or was started then.
rules::Verdict check_until(const Work& work, WallTime until, WallTime started, const std::string& rollout);
/// Why nothing new is started now, or nothing.
rules::Verdict may_start_anything(const Work& work);
/// Whose deployment has to end before `server` can be ordered by the rollout; says so.
rules::Verdict in_its_way(const Work& work, const std::string& server, const rest::Rollout& rollout);

}  // namespace metalmesh::controller
