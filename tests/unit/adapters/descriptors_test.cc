// How many files this process may open.
#include "common/adapters/descriptors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>

namespace metalmesh::adapters {
namespace {

/// With the limits of before when it ends.
struct DescriptorLimit : ::testing::Test {
  DescriptorLimit() { ::getrlimit(RLIMIT_NOFILE, &before); }
  ~DescriptorLimit() override { ::setrlimit(RLIMIT_NOFILE, &before); }
  static rlimit now() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit;
  }
  rlimit before{};
};

TEST_F(DescriptorLimit, is_raised_to_what_the_system_lets) {
  ASSERT_GT(before.rlim_max, 64U);
  const rlimit low{64, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const std::size_t may = raise_descriptor_limit();
  EXPECT_EQ(now().rlim_cur, may);
  EXPECT_EQ(may, std::min<rlim_t>(before.rlim_max, 1U << 20)) << "tables larger than that are of no use";
  EXPECT_EQ(now().rlim_max, before.rlim_max);
  EXPECT_EQ(raise_descriptor_limit(), may) << "there is nothing more to raise";
}

TEST_F(DescriptorLimit, too_few_are_refused_by_number) {
  const DescriptorNeeds needs{.own = 64, .least = 16, .most = 512};
  EXPECT_EQ(connections_within(79, needs).error().kind, ErrorKind::exhausted);
  EXPECT_NE(connections_within(79, needs).error().message.find("needs 80"), std::string::npos);
  EXPECT_EQ(connections_within(80, needs).value(), 16U);
  EXPECT_EQ(connections_within(10'000, needs).value(), 512U);
}

}  // namespace
}  // namespace metalmesh::adapters
