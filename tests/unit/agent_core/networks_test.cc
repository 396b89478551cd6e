// The networks of a site's BMCs: who is asked, and where it finds its media.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/core/site_standing.h"
#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

wire::Command settings_of(std::initializer_list<wire::BmcNetwork> networks) {
  wire::Command command;
  for (const wire::BmcNetwork& network : networks)
    *command.mutable_site_settings()->add_bmc_networks() = network;
  return command;
}

wire::BmcNetwork network(const std::string& cidr, const std::string& credential = "",
                         const std::string& media = "", const std::string& media_address = "") {
  wire::BmcNetwork out;
  out.set_cidr(cidr);
  out.set_media(media);
  out.set_media_address(media_address);
  if (!credential.empty()) out.add_credentials(credential);
  return out;
}

class Networks : public ::testing::Test {
 protected:
  void SetUp() override { site_.start(); }
  std::vector<std::string> held(const std::string& deployment) const {
    std::vector<std::string> seen;
    for (const wire::Event& event : site_.told(&wire::Event::has_held)) {
      if (event.deployment_id() == deployment && event.held().fault().code() == wire::BMC_NOT_ALLOWED)
        seen.push_back(event.held().fault().seen());
    }
    return seen;
  }
  void inspect(const std::string& bmc) {
    wire::Command command;
    command.mutable_inspect_server()->set_request_id("i1");
    command.mutable_inspect_server()->set_server("s1");
    *command.mutable_inspect_server()->mutable_bmc() = make_order(site_, 1).agreed.bmc();
    command.mutable_inspect_server()->mutable_bmc()->set_address(bmc);
    site_.command(command);
  }
  TestSite site_;
};

TEST_F(Networks, ABmcElsewhereIsNotAskedUntilItsNetworkIsNamed) {
  site_.command(settings_of({network("10.0.1.0/24")}));
  site_.order(make_order(site_, 1));
  inspect("10.0.0.1");
  EXPECT_THAT(site_.requests(), IsEmpty());
  EXPECT_THAT(held("d1"), ElementsAre(HasSubstr("10.0.0.1 is in none of the site's bmcNetworks")));
  const auto inspected = site_.told(&wire::Event::has_inspected);
  ASSERT_EQ(inspected.size(), 1U) << "somebody waits for the answer";
  EXPECT_EQ(inspected.front().inspected().fault().code(), wire::BMC_NOT_ALLOWED);
  site_.command(settings_of({network("10.0.0.0/24")}));
  EXPECT_THAT(site_.requests(), Not(IsEmpty())) << "the job goes on by itself";
}

TEST_F(Networks, ACredentialDoesNotLeaveItsNetworks) {
  site_.command(settings_of({network("10.0.0.0/24"), network("10.0.9.0/24", "bmc")}));
  site_.order(make_order(site_, 1));
  EXPECT_THAT(site_.requests(), IsEmpty());
  EXPECT_THAT(held("d1"), ElementsAre(HasSubstr("credential bmc is used in 10.0.9.0/24 only")));
}

TEST_F(Networks, WhereANameLeadsIsLeftToWhoDialsIt) {
  site_.command(settings_of({network("10.0.0.0/24", "bmc"), network("10.1.0.0/24", "other")}));
  inspect("bmc7.example");
  EXPECT_THAT(site_.requests(),
              AllOf(Not(IsEmpty()), Each(Field(&HttpRequest::within, ElementsAre("10.0.0.0/24")))));
  site_.deliver(
      HttpFailed{site_.requests().front().id, HttpFailure::elsewhere, "its name leads to 10.9.9.9"});
  const auto inspected = site_.told(&wire::Event::has_inspected);
  ASSERT_EQ(inspected.size(), 1U) << "once is enough: it is no matter of time";
  EXPECT_EQ(inspected.front().inspected().fault().code(), wire::BMC_NOT_ALLOWED);
  EXPECT_THAT(inspected.front().inspected().fault().seen(), HasSubstr("10.9.9.9"));
}

TEST_F(Networks, AMediumWithoutTlsNeedsAListenerForIt) {
  site_.command(settings_of({network("10.0.0.0/24", "", "http")}));
  site_.order(make_order(site_, 1));
  const auto ended = site_.told(&wire::Event::has_ended);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_THAT(ended.front().ended().fault().next(), HasSubstr("media.plainListen"));
  EXPECT_THAT(site_.requests(), IsEmpty());
}

TEST_F(Networks, AMediumWithoutTlsIsOrderedAsSuch) {
  wire::MediaEvent up;
  up.mutable_up()->set_address("192.0.2.5:8443");
  up.mutable_up()->set_plain_address("192.0.2.5:8080");
  site_.media(up);
  site_.command(settings_of({network("10.0.0.0/24", "", "http")}));
  site_.order(make_order(site_, 1));
  orders::Parts with_tls = make_order(site_, 2);
  with_tls.agreed.mutable_bmc()->set_media("https");
  site_.order(with_tls);
  EXPECT_TRUE(site_.job("d1")->plain_medium());
  EXPECT_FALSE(site_.job("d2")->plain_medium()) << "its server says otherwise";
  std::map<std::string, bool> plain;
  for (const wire::MediaCommand& sent : site_.sent_to_media())
    if (sent.has_mount()) plain[sent.mount().deployment_id()] = sent.mount().plain();
  EXPECT_TRUE(plain.at("d1"));
  EXPECT_FALSE(plain.at("d2"));
}

TEST(SiteStanding, EachNetworkDialsItsOwnAddress) {
  agent::AgentSettings settings;
  settings.media_address = "media.example";
  agent::SiteStanding site(settings);
  wire::MediaUp up;
  up.set_address("0.0.0.0:8443");
  up.set_plain_address("0.0.0.0:8080");
  site.media_up(up);
  site.apply(settings, settings_of({network("10.0.0.0/24", "", "", "10.0.0.2"),
                                    network("10.0.1.0/24", "", "http", "10.0.1.2:9443"),
                                    network("10.0.2.0/24", "", "http"), network("10.0.3.0/24")})
                           .site_settings());
  const auto base = [&](const std::string& address, const std::string& media = "") {
    wire::BmcTarget bmc;
    bmc.set_address(address);
    bmc.set_media(media);
    return site.media_of(bmc).base();
  };
  EXPECT_EQ(base("10.0.0.7"), "https://10.0.0.2:8443");
  EXPECT_EQ(base("10.0.0.7", "http"), "http://10.0.0.2:8080");
  EXPECT_EQ(base("10.0.1.7:443"), "http://10.0.1.2:8080") << "the port is that of the other listener";
  EXPECT_EQ(base("10.0.2.7"), "http://media.example:8080");
  EXPECT_EQ(base("10.0.3.7"), "https://media.example:8443");
  EXPECT_EQ(base("bmc.example"), "https://media.example:8443");
}

}  // namespace
}  // namespace metalmesh::test
