// One digest over all that a person agrees to when she starts a plan: over its head, and over a tree of hashes of
// its orders. Each order carries the hashes beside its way to the root, so whoever holds one order can tell that it
// belongs to a plan without having the plan.
//
// The tree is that of RFC 9162 (2.1): leaves and nodes are hashed with a byte of their own in front, so that no
// inner hash passes for an order, and the last of an odd number goes up as it is. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/wire/order.pb.h"

namespace metalmesh::orders {

class PlanTree {
 public:
  /// Grows order by order: add each, in the plan's order, then close.
  PlanTree() : levels_(1) {}
  /// `head` and `agreed` as below.
  PlanTree(std::string_view head, const std::vector<std::string>& agreed);

  /// `agreed`: a serialized wire::Agreed.
  void add(std::string_view agreed);
  /// `head`: a serialized wire::PlanHead. Once; the tree is whole then.
  void close(std::string_view head);

  /// 32 raw bytes. A plan without orders has one, too.
  [[nodiscard]] const std::string& digest() const { return digest_; }
  /// Of order `index`, which there is.
  [[nodiscard]] wire::PlanPath path(std::size_t index) const;

 private:
  /// Puts a hash into its level, and above it what is whole by that.
  void put(std::size_t level, std::string_view hash);

  std::string head_;
  std::vector<std::string>
      levels_;  // leaves first; of each its hashes, one behind the other: a fleet's are freed at once
  std::string digest_;
};

/// `agreed`, byte for byte, is order `path.index` of the plan with digest `path.plan_sha256`.
bool belongs(std::string_view agreed, const wire::PlanPath& path);

}  // namespace metalmesh::orders
