#include "common/orders/plan_tree.h"

#include <gtest/gtest.h>

#include <set>

#include "common/base/digest.h"

namespace metalmesh::orders {
namespace {

std::vector<std::string> some(std::size_t count) {
  std::vector<std::string> agreed;
  for (std::size_t i = 0; i < count; ++i) agreed.push_back("order " + std::to_string(i));
  return agreed;
}

std::string hash(const std::string& mark, const std::string& text) { return sha256(mark + text); }

TEST(PlanTree, IsTheTreeOfRfc9162) {
  const std::string zero("\0", 1);
  const auto leaf = [&](int i) { return hash(zero, "order " + std::to_string(i)); };
  const auto node = [](const std::string& a, const std::string& b) { return hash("\1", a + b); };
  // Five leaves: ((0 1)(2 3)) 4.
  const std::string root = node(node(node(leaf(0), leaf(1)), node(leaf(2), leaf(3))), leaf(4));
  const std::string count("\0\0\0\0\0\0\0\5", 8);
  EXPECT_EQ(PlanTree("head", some(5)).digest(),
            sha256("\2metalmesh plan 2\n" + sha256("head") + count + root));
}

TEST(PlanTree, EachOrderProvesThatItBelongs) {
  for (std::size_t count = 1; count <= 70; ++count) {
    const std::vector<std::string> agreed = some(count);
    const PlanTree tree("head", agreed);
    for (std::size_t i = 0; i < count; ++i) {
      const wire::PlanPath path = tree.path(i);
      EXPECT_TRUE(belongs(agreed[i], path)) << i << " of " << count;
      EXPECT_EQ(path.plan_sha256(), tree.digest());
      EXPECT_FALSE(belongs(agreed[(i + 1) % count] + (count == 1 ? "x" : ""), path)) << i << " of " << count;
    }
  }
}

TEST(PlanTree, NoBitOfOrderPathOrHeadCanBeAltered) {
  const std::vector<std::string> agreed = some(11);
  const PlanTree tree("head", agreed);
  for (std::size_t i = 0; i < agreed.size(); ++i) {
    std::string order = agreed[i];
    for (std::size_t bit = 0; bit < 8 * order.size(); ++bit) {
      order[bit / 8] = static_cast<char>(order[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_FALSE(belongs(order, tree.path(i)));
      order = agreed[i];
    }
    const auto altered = [&](const auto& change) {
      wire::PlanPath path = tree.path(i);
      change(path);
      return belongs(agreed[i], path);
    };
    const auto flip = [](std::string& hash, std::size_t bit) {
      hash[bit / 8] = static_cast<char>(hash[bit / 8] ^ (1 << (bit % 8)));
    };
    for (std::size_t bit = 0; bit < 256; ++bit) {
      EXPECT_FALSE(altered([&](auto& path) { flip(*path.mutable_head_sha256(), bit); }));
      EXPECT_FALSE(altered([&](auto& path) { flip(*path.mutable_plan_sha256(), bit); }));
      for (int at = 0; at < tree.path(i).hashes_size(); ++at)
        EXPECT_FALSE(altered([&](auto& path) { flip(*path.mutable_hashes(at), bit); }));
    }
    for (std::uint64_t other = 0; other < 64; ++other) {
      if (other != i) EXPECT_FALSE(altered([&](auto& path) { path.set_index(other); })) << other;
      if (other != agreed.size()) EXPECT_FALSE(altered([&](auto& path) { path.set_orders(other); })) << other;
    }
    EXPECT_FALSE(altered([](auto& path) { path.add_hashes(std::string(32, 'x')); }));
    EXPECT_FALSE(altered([](auto& path) { path.mutable_hashes()->RemoveLast(); }));
    EXPECT_FALSE(altered([](auto& path) { path.mutable_hashes(0)->pop_back(); }));
  }
}

TEST(PlanTree, NoInnerHashPassesForAnOrder) {
  const std::vector<std::string> agreed = some(4);
  const wire::PlanPath left = PlanTree("head", agreed).path(0);
  // What stands two levels up, shown as if it were an order of a smaller plan.
  wire::PlanPath path = left;
  path.set_orders(2);
  path.mutable_hashes()->DeleteSubrange(0, 1);
  const std::string inner = hash(std::string("\0", 1), agreed[0]) + left.hashes(0);
  EXPECT_FALSE(belongs(inner, path));
  EXPECT_FALSE(belongs("\1" + inner, path));
}

TEST(PlanTree, OtherHeadsOtherOrdersAndOtherPlacesHaveOtherDigests) {
  std::set<std::string> seen;
  for (std::size_t count = 0; count < 20; ++count) seen.insert(PlanTree("head", some(count)).digest());
  seen.insert(PlanTree("another", some(4)).digest());
  seen.insert(PlanTree("head", {"order 1", "order 0"}).digest());
  EXPECT_EQ(seen.size(), 22U);
}

}  // namespace
}  // namespace metalmesh::orders
