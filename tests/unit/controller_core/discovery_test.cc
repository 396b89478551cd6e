// A person asks which BMCs stand at a site's addresses: what is refused, what its site is asked, and what comes of the pieces.
#include "controller/core/discoveries.h"
#include "tests/unit/controller_core/planned.h"

namespace metalmesh::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

struct Discovers : Planned {
  [[nodiscard]] rest::Discovery shown() const {
    return shown_discovery(mesh.state(), mesh.state().discoveries.at("par1"));
  }
  [[nodiscard]] std::vector<wire::Command> asked() const {
    std::vector<wire::Command> out;
    for (const wire::Command& command : agent.commands)
      if (command.has_discover() || command.has_stop_discovery()) out.push_back(command);
    return out;
  }
  void tell(std::uint32_t looked_at, const std::vector<std::string>& addresses, bool over = false) {
    wire::Event event;
    wire::Discovered& piece = *event.mutable_discovered();
    piece.set_request_id(shown().request_id());
    piece.set_asked(looked_at);
    piece.set_of(254);
    piece.set_over(over);
    for (const std::string& address : addresses) {
      wire::FoundBmc& found = *piece.add_found();
      found.set_address(address);
      found.set_what(wire::FoundBmc::REDFISH);
    }
    agent.report(event);
  }
  Refusal refused(decltype(OperatorRequest::body) body) {
    const auto answer = mesh.ask(std::move(body));
    EXPECT_FALSE(answer);
    return answer ? Refusal() : answer.error();
  }
};

TEST_F(Discovers, TheSiteIsAskedOnceAndItsPiecesAddUp) {
  mesh.must(DiscoverBmcs{"par1", {"10.20.0.0/24"}, 8443});
  ASSERT_THAT(asked(), SizeIs(1));
  EXPECT_THAT(asked()[0].discover().ranges(), ElementsAre("10.20.0.0/24"));
  EXPECT_EQ(asked()[0].discover().port(), 8443U);
  EXPECT_EQ(shown().state(), "running");
  EXPECT_EQ(shown().by(), "ann");
  const auto servers = mesh.state().servers.size();
  tell(64, {"10.20.0.7"});
  EXPECT_EQ(shown().asked(), 64U);
  EXPECT_EQ(shown().state(), "running");
  tell(254, {"10.20.0.200"}, true);
  EXPECT_EQ(shown().state(), "done");
  EXPECT_THAT(shown().found(), SizeIs(2));
  EXPECT_EQ(mesh.state().servers.size(), servers) << "nothing is registered by it";
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_THAT(asked(), SizeIs(1));
}

TEST_F(Discovers, WhatAServerStandsForAlreadyHasItsName) {
  mesh.add_ready("s0", agent, 0);
  const std::string address = mesh.server("s0").spec().bmc().address();
  mesh.must(DiscoverBmcs{"par1", {"10.20.0.0/24"}});
  tell(254, {address, "10.20.9.9"}, true);
  wire::FoundBmc moved = shown().found(1).bmc();
  EXPECT_EQ(shown().found(0).server(), "s0");
  EXPECT_EQ(shown().found(1).server(), "");
  rest::Discovery elsewhere = shown();
  elsewhere.mutable_found(1)->mutable_bmc()->set_serial(mesh.server("s0").status().seen().serial());
  EXPECT_EQ(shown_discovery(mesh.state(), elsewhere).found(1).server(), "s0")
      << "it is at another address now";
}

TEST_F(Discovers, WhatIsNoRangeOrOutsideOfTheSitesNetworksIsRefused) {
  EXPECT_EQ(refused(DiscoverBmcs{"nope", {"10.20.0.0/24"}}).kind, ErrorKind::not_found);
  EXPECT_THAT(refused(DiscoverBmcs{"par1", {"bmc-7"}}).message, HasSubstr("is no range"));
  EXPECT_EQ(refused(DiscoverBmcs{"par1", {}}).field, "ranges");
  EXPECT_EQ(refused(DiscoverBmcs{"par1", {"10.20.0.0/24"}, 70000}).field, "port");
  rest::Site site = mesh.state().sites.at("par1");
  site.mutable_spec()->add_bmc_networks()->set_cidr("10.20.0.0/25");
  mesh.apply(site);
  EXPECT_THAT(refused(DiscoverBmcs{"par1", {"10.20.0.0/24"}}).message,
              HasSubstr("BMC_NOT_ALLOWED: BMC 10.20.0.128 is in none of the site's bmcNetworks"));
  mesh.must(DiscoverBmcs{"par1", {"10.20.0.0/25"}});
}

TEST_F(Discovers, WhereANetworkNamesOneCredentialItIsThat) {
  rest::Site site = mesh.state().sites.at("par1");
  for (const char* cidr : {"10.20.0.0/24", "10.21.0.0/24"}) {
    wire::BmcNetwork& network = *site.mutable_spec()->add_bmc_networks();
    network.set_cidr(cidr);
    network.add_credentials("a");
  }
  site.mutable_spec()->mutable_bmc_networks(1)->add_credentials("b");
  mesh.apply(site);
  mesh.must(DiscoverBmcs{"par1", {"10.20.0.0/24"}});
  tell(254, {"10.20.0.7", "10.21.0.7"}, true);
  EXPECT_EQ(shown().found(0).bmc().credential(), "a");
  EXPECT_EQ(shown().found(1).bmc().credential(), "") << "nobody knows which";
}

TEST_F(Discovers, ASiteThatIsSilentIsNotAsked) {
  agent.cut = true;
  mesh.run_for(std::chrono::minutes(3));
  const Refusal why = refused(DiscoverBmcs{"par1", {"10.20.0.0/24"}});
  EXPECT_THAT(why.message, HasSubstr("no agent of site par1 is connected"));
  EXPECT_EQ(why.next, "metalmesh describe site par1");
}

TEST_F(Discovers, OneRunsAtATimeAndAPersonCanStopIt) {
  EXPECT_THAT(refused(StopDiscovery{"par1"}).message, HasSubstr("no discovery of site par1 runs"));
  mesh.must(DiscoverBmcs{"par1", {"10.20.0.0/24"}});
  tell(64, {"10.20.0.7"});
  const Refusal why = refused(DiscoverBmcs{"par1", {"10.21.0.0/24"}});
  EXPECT_EQ(why.kind, ErrorKind::conflict);
  EXPECT_THAT(why.message, HasSubstr("asked for by ann: 64 of 254 addresses"));
  mesh.must(StopDiscovery{"par1"});
  ASSERT_THAT(asked(), SizeIs(2));
  EXPECT_EQ(asked()[1].stop_discovery().request_id(), shown().request_id());
  EXPECT_EQ(shown().state(), "stopped");
  tell(70, {"10.20.0.66"}, true);
  EXPECT_EQ(shown().state(), "stopped");
  EXPECT_THAT(shown().found(), SizeIs(2)) << "what it found until it heard of that";
  mesh.must(DiscoverBmcs{"par1", {"10.21.0.0/24"}});
}

}  // namespace
}  // namespace metalmesh::testing
