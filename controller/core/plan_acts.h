// Plan and start a rollout: what is carried out over a plan that is made for it, some servers at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>

#include "controller/core/object_apply.h"
#include "controller/core/rollout_planner.h"
#include "controller/core/rollout_start.h"

namespace metalmesh::controller {

class PlanAct {
 public:
  using Body = std::variant<PlanRollout, StartRollout>;

  /// Nothing when `request` needs no plan.
  static std::optional<Body> body_of(const OperatorRequest& request);

  /// `starter`: who asks.
  PlanAct(const Work& work, Body body, Starter starter);

  [[nodiscard]] const std::string& rollout() const { return rollout_; }
  /// Goes on by about so many servers; its result when it is carried out or refused. In one go where there are no more.
  std::optional<ActResult> go_on(Work& work, std::size_t servers);

 private:
  [[nodiscard]] std::optional<ActResult> store_page(Work& work);
  void wish_inspections(Work& work, const rest::PlanPage& page) const;
  ActResult store_plan(Work& work);
  std::optional<ActResult> start(Work& work, const StartRollout& request, std::size_t servers);
  std::optional<ActResult> make_orders(Work& work, std::size_t servers);

  const Body body_;
  const Starter starter_;
  const std::string rollout_;
  PlanMaking making_;
  std::optional<PlannedOrders> planned_;
  std::size_t stored_ = 0;  // pages
  std::optional<OrderMaking> orders_;
};

}  // namespace metalmesh::controller
