// Which BMCs a site may talk to, and with what.
#include "common/hosts/bmc_networks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace metalmesh::hosts {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Named = BmcNetworks::Named;

Named networks(std::initializer_list<std::pair<const char*, std::vector<const char*>>> given) {
  Named out;
  for (const auto& [cidr, credentials] : given) {
    wire::BmcNetwork& network = *out.Add();
    network.set_cidr(cidr);
    for (const char* credential : credentials) network.add_credentials(credential);
  }
  return out;
}

TEST(BmcNetworks, WithoutAnyEverythingMayBeAsked) {
  EXPECT_FALSE(BmcNetworks().why_not("10.0.0.1", "root"));
  EXPECT_THAT(BmcNetworks().within("bmc.example", "root"), IsEmpty());
}

TEST(BmcNetworks, ABmcElsewhereIsNotAsked) {
  const BmcNetworks site(networks({{"10.20.0.0/24", {}}, {"fd00:20::/64", {}}}));
  for (const char* inside :
       {"10.20.0.1", "10.20.0.255:8443", "[fd00:20::7]", "[fd00:20::7]:443", "fd00:20::7"})
    EXPECT_FALSE(site.why_not(inside, "root")) << inside;
  for (const char* outside : {"10.20.1.1", "10.20.1.1:443", "[fd00:21::7]", "127.0.0.1"})
    EXPECT_THAT(site.why_not(outside, "root").value_or(""), HasSubstr("in none of the site's bmcNetworks"))
        << outside;
}

TEST(BmcNetworks, ACredentialStaysInTheNetworksThatNameIt) {
  const BmcNetworks site(
      networks({{"10.20.0.0/24", {"row-a", "both"}}, {"10.21.0.0/24", {"both"}}, {"10.22.0.0/24", {}}}));
  EXPECT_FALSE(site.why_not("10.20.0.1", "row-a"));
  EXPECT_FALSE(site.why_not("10.21.0.1", "both"));
  EXPECT_FALSE(site.why_not("10.22.0.1", "lab"))
      << "no network names it, so it is free where none is asked for";
  EXPECT_THAT(site.why_not("10.21.0.1", "row-a").value_or(""),
              HasSubstr("row-a is used in 10.20.0.0/24 only"));
  EXPECT_THAT(site.why_not("10.22.0.1", "both").value_or(""),
              HasSubstr("both is used in 10.20.0.0/24, 10.21.0.0/24 only"));
  EXPECT_THAT(site.why_not("10.20.0.1", "lab").value_or(""), HasSubstr("lab is used in 10.22.0.0/24 only"));
}

TEST(BmcNetworks, ANameIsJudgedWhereItLeads) {
  const BmcNetworks site(networks({{"10.20.0.0/24", {"row-a"}}, {"10.21.0.0/24", {"row-b"}}}));
  EXPECT_FALSE(site.why_not("bmc7.example:443", "row-a"));
  EXPECT_THAT(site.within("bmc7.example:443", "row-a"), ElementsAre("10.20.0.0/24"));
  EXPECT_THAT(site.within("10.20.0.7", "row-a"), IsEmpty()) << "judged already";
  EXPECT_THAT(site.why_not("bmc7.example", "lab").value_or(""), HasSubstr("lab is used in no network"))
      << "and never \"anywhere\"";
}

TEST(BmcNetworks, WhatIsNoNetworkIsRefusedByItsPlace) {
  EXPECT_TRUE(BmcNetworks::check(networks({{"10.20.0.0/24", {}}, {"10.20.1.0/24", {}}, {"fd00::/8", {}}})));
  const auto refused = [](const Named& named) {
    const Status status = BmcNetworks::check(named);
    return status ? std::string() : status.error().message;
  };
  for (const char* wrong :
       {"", "10.20.0.0", "10.20.0.7/24", "10.20.0.0/33", "rack", "10.20.0.0/0", "fd00::1/64"})
    EXPECT_THAT(refused(networks({{"10.9.0.0/24", {}}, {wrong, {}}})), HasSubstr("[1].cidr")) << wrong;
  EXPECT_THAT(refused(networks({{"10.20.0.0/16", {}}, {"10.20.7.0/24", {}}})),
              HasSubstr("overlaps 10.20.0.0/16"));
  Named media = networks({{"10.20.0.0/24", {}}});
  media[0].set_media("ftp");
  EXPECT_THAT(refused(media), HasSubstr("neither https nor http"));
}

TEST(BmcNetworks, TheNarrowerOfTwoIsInBoth) {
  EXPECT_THAT(in_both({"10.0.0.0/8", "fd00::/8"}, {"10.1.0.0/16", "192.0.2.0/24"}),
              ElementsAre("10.1.0.0/16"));
  EXPECT_THAT(in_both({"10.1.2.0/24"}, {"10.1.0.0/16", "10.1.2.0/24"}),
              ElementsAre("10.1.2.0/24", "10.1.2.0/24"));
}

TEST(BmcNetworks, TheServerSaysHowMediaAreReadBeforeItsNetwork) {
  wire::BmcNetwork plain;
  plain.set_media("http");
  EXPECT_FALSE(media_without_tls("", nullptr));
  EXPECT_TRUE(media_without_tls("", &plain));
  EXPECT_FALSE(media_without_tls("https", &plain));
  EXPECT_TRUE(media_without_tls("http", nullptr));
}

}  // namespace
}  // namespace metalmesh::hosts
