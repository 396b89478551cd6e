#include "common/base/bmc_address.h"

#include <gtest/gtest.h>

namespace metalmesh {
namespace {

TEST(BmcAddress, HasOneSpelling) {
  EXPECT_EQ(normal_bmc_address("BMC1.Example:443"), "bmc1.example");
  EXPECT_EQ(normal_bmc_address("bmc1.example:8443"), "bmc1.example:8443");
  EXPECT_EQ(normal_bmc_address("[2001:DB8::1]:443"), "[2001:db8::1]");
  EXPECT_EQ(normal_bmc_address("10.0.0.443"), "10.0.0.443");
  EXPECT_EQ(normal_bmc_address(normal_bmc_address("a:443")), "a");
}

TEST(BmcAddress, TheEndOfABareV6IsNoPort) {
  EXPECT_EQ(normal_bmc_address("2001:db8::1:443"), "2001:db8::1:443");
  EXPECT_NE(normal_bmc_address("2001:db8::1:443"), normal_bmc_address("2001:db8::1"));
  EXPECT_EQ(host_of_bmc_address("2001:db8::1:443"), "2001:db8::1:443");
}

TEST(BmcAddress, HostsAreWithoutBracketsAndPort) {
  EXPECT_EQ(host_of_bmc_address("bmc1:8443"), "bmc1");
  EXPECT_EQ(host_of_bmc_address("bmc1"), "bmc1");
  EXPECT_EQ(host_of_bmc_address("[2001:db8::1]:443"), "2001:db8::1");
  EXPECT_EQ(host_of_bmc_address("2001:db8::1"), "2001:db8::1");
}

}  // namespace
}  // namespace metalmesh
