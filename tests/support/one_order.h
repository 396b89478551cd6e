// An order as a plan of one carries it.
#pragma once

#include "common/orders/order_parts.h"
#include "common/orders/plan_tree.h"

namespace metalmesh::test {

inline wire::Order one_order(const orders::Parts& parts) {
  wire::Order order;
  order.set_agreed(parts.agreed.SerializeAsString());
  *order.mutable_issue() = parts.issue;
  *order.mutable_path() = orders::PlanTree("head", {order.agreed()}).path(0);
  return order;
}

}  // namespace metalmesh::test
