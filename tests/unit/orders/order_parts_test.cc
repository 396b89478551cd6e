#include "common/orders/order_parts.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/support/one_order.h"

namespace metalmesh::orders {
namespace {

Parts some_order() {
  Parts parts;
  parts.agreed.set_server("s1");
  parts.agreed.mutable_bmc()->set_address("10.0.0.1");
  parts.agreed.mutable_install()->mutable_image()->set_name("rocky");
  parts.issue.set_deployment_id("d1");
  parts.issue.set_bmc_key_sha256("aa");
  parts.issue.add_image_urls("https://mirror/rocky.iso");
  return parts;
}

/// As an agent gets it that was built from another schema: field 99 stands for what this one does not know.
wire::Order with_unknown(const std::function<void(wire::Agreed&, const std::string&)>& put) {
  Parts parts = some_order();
  put(parts.agreed, "\x9a\x06\x01x");
  return test::one_order(parts);
}

TEST(Open, GivesWhatWasAgreedAndWhatWasAdded) {
  const auto parts = open(test::one_order(some_order()));
  ASSERT_TRUE(parts) << parts.error().message;
  EXPECT_EQ(parts->agreed.server(), "s1");
  EXPECT_EQ(parts->issue.deployment_id(), "d1");
  EXPECT_EQ(bmc_of(parts->agreed, parts->issue).key_sha256(), "aa");
  EXPECT_EQ(bmc_of(parts->agreed, parts->issue).address(), "10.0.0.1");
  EXPECT_EQ(image_of(parts->agreed, parts->issue).name(), "rocky");
  ASSERT_EQ(image_of(parts->agreed, parts->issue).urls_size(), 1);
}

TEST(Open, RefusesWhatIsNotWhatItsPlanSays) {
  wire::Order order = test::one_order(some_order());
  Parts other = some_order();
  other.agreed.set_server("s2");
  order.set_agreed(other.agreed.SerializeAsString());
  ASSERT_FALSE(open(order));
  EXPECT_EQ(open(order).error().kind, ErrorKind::invalid);
  EXPECT_FALSE(open(wire::Order())) << "one without a plan";
}

TEST(Open, RefusesWhatDoesNotDecode) {
  wire::Order order;
  order.set_agreed("\xff\xff");
  *order.mutable_path() = PlanTree("head", {order.agreed()}).path(0);
  ASSERT_FALSE(open(order));
  EXPECT_EQ(open(order).error().kind, ErrorKind::invalid);
}

TEST(Open, RefusesToActOnHalfOfWhatWasMeant) {
  const auto unsupported = [](const wire::Order& order) {
    const auto parts = open(order);
    return !parts && parts.error().kind == ErrorKind::unsupported;
  };
  EXPECT_TRUE(unsupported(with_unknown([](auto& agreed, auto& field) { agreed.MergeFromString(field); })));
  EXPECT_TRUE(unsupported(
      with_unknown([](auto& agreed, auto& field) { agreed.mutable_install()->MergeFromString(field); })));
  EXPECT_TRUE(unsupported(with_unknown([](auto& agreed, auto& field) {
    agreed.mutable_install()->mutable_host()->mutable_network()->add_links()->MergeFromString(field);
  })));
  Parts without_work = some_order();
  without_work.agreed.clear_install();
  EXPECT_TRUE(unsupported(test::one_order(without_work)));
}

}  // namespace
}  // namespace metalmesh::orders
