// Ranges of addresses as people write them.
#include "common/hosts/address_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace metalmesh::hosts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> named(const std::vector<std::string>& texts) {
  const auto ranges = AddressRanges::parse(texts);
  if (!ranges) return {ranges.error().message};
  std::vector<std::string> out;
  for (std::size_t i = 0; i < ranges->size(); ++i) out.push_back(ranges->at(i).text());
  return out;
}

std::string refused(const std::vector<std::string>& texts) {
  const auto ranges = AddressRanges::parse(texts);
  return ranges ? "taken" : ranges.error().message;
}

TEST(AddressRanges, ANetworkIsWithoutItsOwnAddressAndItsBroadcast) {
  EXPECT_THAT(named({"10.20.0.0/30"}), ElementsAre("10.20.0.1", "10.20.0.2"));
  EXPECT_THAT(named({"10.20.0.4/31"}), ElementsAre("10.20.0.4", "10.20.0.5"));
  EXPECT_THAT(named({"10.20.0.4/32"}), ElementsAre("10.20.0.4"));
  EXPECT_THAT(named({"fd00::/126"}), ElementsAre("fd00::1", "fd00::2", "fd00::3"));
}

TEST(AddressRanges, AFirstAndALastOneAndOneAlone) {
  EXPECT_THAT(named({"10.20.0.254-10.20.1.1"}),
              ElementsAre("10.20.0.254", "10.20.0.255", "10.20.1.0", "10.20.1.1"));
  EXPECT_THAT(named({"10.20.0.7"}), ElementsAre("10.20.0.7"));
  EXPECT_THAT(named({"255.255.255.255-255.255.255.255"}), ElementsAre("255.255.255.255"));
}

TEST(AddressRanges, SeveralComeInOrderAndNoneTwice) {
  EXPECT_THAT(named({"10.20.0.9", "10.20.0.0/30", "10.20.0.2-10.20.0.3"}),
              ElementsAre("10.20.0.1", "10.20.0.2", "10.20.0.3", "10.20.0.9"));
}

TEST(AddressRanges, WhatIsNoRangeIsRefusedWithWhatWasWritten) {
  for (const char* wrong : {"", "10.20.0.0/", "10.20.0.0/33", "10.20.0.7/24", "10.20.0.9-10.20.0.1",
                            "bmc-3.example", "10.20.0.1-fd00::1", "10.20.0.0/24,10.21.0.0/24", "0.0.0.0/0"})
    EXPECT_THAT(refused({wrong}), HasSubstr(std::string("\"") + wrong + "\" is no range")) << wrong;
  EXPECT_THAT(refused({}), HasSubstr("no address is given"));
}

TEST(AddressRanges, ThereIsAnEndToThem) {
  EXPECT_EQ(refused({"10.20.0.0/20"}), "taken");
  EXPECT_THAT(refused({"10.20.0.0/19"}), HasSubstr("more than 4096 addresses up to \"10.20.0.0/19\""));
  EXPECT_THAT(refused({"10.20.0.0/20", "10.21.0.0/24"}), HasSubstr("up to \"10.21.0.0/24\""));
  EXPECT_THAT(refused({"fd00::/64"}), HasSubstr("more than 4096"));
}

}  // namespace
}  // namespace metalmesh::hosts
