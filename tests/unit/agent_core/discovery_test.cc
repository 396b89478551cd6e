// Which BMCs stand at the addresses that a person named: slowly, without a login, in pieces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "agents/core/root_look.h"
#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Discovers : public ::testing::Test {
 protected:
  void SetUp() override { site_.probes_answered = true; }
  void ask(const std::vector<std::string>& ranges, const std::string& id = "q1") {
    wire::Command command;
    command.mutable_discover()->set_request_id(id);
    command.mutable_discover()->mutable_ranges()->Assign(ranges.begin(), ranges.end());
    site_.command(command);
  }
  void stop(const std::string& id = "q1") {
    wire::Command command;
    command.mutable_stop_discovery()->set_request_id(id);
    site_.command(command);
  }
  /// Of 10.0.0.0/24 and 10.0.1.0/24 with a credential each; only in the first one a discovery may log in.
  void name_networks() {
    wire::Command command;
    for (const char* cidr : {"10.0.0.0/24", "10.0.1.0/24"}) {
      wire::BmcNetwork& network = *command.mutable_site_settings()->add_bmc_networks();
      network.set_cidr(cidr);
      network.add_credentials("bmc");
      network.set_discover_with_login(std::string_view(cidr) == "10.0.0.0/24");
    }
    site_.command(command);
  }
  [[nodiscard]] std::vector<wire::Discovered> pieces() const {
    std::vector<wire::Discovered> out;
    for (const wire::Event& event : site_.told(&wire::Event::has_discovered))
      out.push_back(event.discovered());
    return out;
  }
  [[nodiscard]] std::vector<wire::FoundBmc> found() const {
    std::vector<wire::FoundBmc> out;
    for (const wire::Discovered& piece : pieces())
      out.insert(out.end(), piece.found().begin(), piece.found().end());
    return out;
  }
  [[nodiscard]] std::vector<std::string> addresses() const {
    std::vector<std::string> out;
    for (const wire::FoundBmc& one : found()) out.push_back(one.address());
    return out;
  }
  [[nodiscard]] std::vector<std::string> urls() const {
    std::vector<std::string> out;
    for (const HttpRequest& request : site_.requests()) out.push_back(request.url);
    return out;
  }
  [[nodiscard]] int logins() const {
    int out = 0;
    for (const auto& [address, bmc] : site_.bmcs) out += bmc.logins;
    return out;
  }
  TestSite site_;
};

TEST_F(Discovers, LooksAtEachAddressOnceAndLogsInNowhere) {
  for (const char* address : {"10.0.0.2", "10.0.0.5"}) site_.bmcs[address];
  site_.failing["10.0.0.3"] = HttpFailure::tls_refused;
  site_.start();
  ask({"10.0.0.0/29"});
  site_.advance(1min);
  ASSERT_EQ(pieces().size(), 1U);
  EXPECT_TRUE(pieces()[0].over());
  EXPECT_FALSE(pieces()[0].has_fault());
  EXPECT_EQ(pieces()[0].asked(), 6U);
  EXPECT_EQ(pieces()[0].of(), 6U);
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.2", "10.0.0.3", "10.0.0.5"));
  const wire::FoundBmc bmc = found()[0];
  EXPECT_EQ(bmc.what(), wire::FoundBmc::REDFISH);
  EXPECT_EQ(bmc.vendor(), "Acme");
  EXPECT_EQ(bmc.redfish(), "1.15.0");
  EXPECT_EQ(bmc.key_sha256(), std::string(64, 'b'));
  EXPECT_FALSE(bmc.logged_in());
  EXPECT_EQ(bmc.serial(), "");
  EXPECT_EQ(found()[1].what(), wire::FoundBmc::NO_TLS);
  EXPECT_EQ(site_.probes().size(), 6U);
  EXPECT_THAT(urls(), Each(EndsWith("/redfish/v1/")));
  EXPECT_EQ(logins(), 0);
  EXPECT_FALSE(site_.store.find("discovery"));
}

TEST_F(Discovers, WhatTakesAConnectionAndIsNoRedfishIsToldAsThat) {
  site_.failing["10.0.0.1"] = HttpFailure::timed_out;
  site_.failing["10.0.0.2"] = HttpFailure::too_large;
  site_.start();
  ask({"10.0.0.1-10.0.0.2"});
  site_.advance(5min);
  ASSERT_EQ(found().size(), 2U);
  EXPECT_EQ(found()[0].what(), wire::FoundBmc::OTHER);
  EXPECT_THAT(found()[0].note(), HasSubstr("takes the connection and does not answer"));
  EXPECT_EQ(found()[1].what(), wire::FoundBmc::OTHER);
}

TEST_F(Discovers, TenAddressesASecondAreBegunAndNoMore) {
  site_.start();
  ask({"10.0.0.0/24"});
  site_.advance(26s);
  ASSERT_EQ(site_.probes().size(), 254U);
  for (std::size_t i = 1; i < site_.probes().size(); ++i)
    EXPECT_GE(site_.probes()[i].first - site_.probes()[i - 1].first, 100ms);
  EXPECT_TRUE(pieces().back().over());
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(Discovers, ThirtyTwoAreUnderWayAtMost) {
  site_.probes_answered = false;
  site_.start();
  ask({"10.0.0.0/24"});
  site_.advance(1min);
  EXPECT_EQ(site_.probes().size(), 32U);
  site_.deliver(ProbeAnswered{site_.probes()[0].second.id, false, ""});
  site_.advance(1s);
  EXPECT_EQ(site_.probes().size(), 33U);
}

TEST_F(Discovers, LogsInWhereItsNetworkSaysSoAndOutAgain) {
  site_.bmcs["10.0.0.7"];
  site_.bmcs["10.0.1.7"];
  site_.start();
  name_networks();
  ask({"10.0.0.7", "10.0.1.7"});
  site_.advance(1min);
  ASSERT_EQ(found().size(), 2U);
  EXPECT_TRUE(found()[0].logged_in()) << found()[0].note();
  EXPECT_EQ(found()[0].serial(), "CZ2D4F0A1B");
  EXPECT_EQ(found()[0].system_uuid(), "4c4c4544-0042-3510-8051-b4c04f4a4d32");
  EXPECT_EQ(found()[0].model(), "R1");
  EXPECT_EQ(found()[0].credential(), "bmc");
  EXPECT_EQ(site_.bmcs["10.0.0.7"].sessions_open, 0);
  EXPECT_EQ(site_.bmcs["10.0.1.7"].logins, 0);
  EXPECT_FALSE(found()[1].logged_in());
  EXPECT_TRUE(site_.store.scan("inspect/", "inspect0", 10)->empty());
  EXPECT_TRUE(site_.store.scan("bmc/", "bmc0", 10)->empty()) << "it stands for no server";
  EXPECT_TRUE(site_.told(&wire::Event::has_inspected).empty());
  for (const std::string& url : urls())
    EXPECT_THAT(url, ::testing::Not(HasSubstr("Managers"))) << "only who it is";
}

TEST_F(Discovers, AWrongPasswordIsTriedNoOftenerThanTheSiteAllows) {
  for (int i = 1; i <= 6; ++i) site_.bmcs["10.0.0." + std::to_string(i)].refuses_login = true;
  site_.start();
  name_networks();
  ask({"10.0.0.1-10.0.0.6"});
  site_.advance(2min);
  ASSERT_TRUE(!pieces().empty() && pieces().back().over());
  EXPECT_EQ(found().size(), 6U);
  for (const wire::FoundBmc& one : found()) EXPECT_THAT(one.note(), HasSubstr("who it is was not read"));
  EXPECT_LE(logins(), 3);
  EXPECT_TRUE(site_.told(&wire::Event::has_credential_held).empty()) << "nobody's job is held by it";
}

TEST_F(Discovers, OutsideOfTheSitesNetworksNobodyIsAsked) {
  site_.bmcs["10.0.0.7"];
  site_.start();
  name_networks();
  ask({"10.0.0.7", "10.0.2.1"});
  site_.advance(1min);
  ASSERT_EQ(pieces().size(), 1U);
  EXPECT_EQ(pieces()[0].fault().code(), wire::BMC_NOT_ALLOWED);
  EXPECT_THAT(pieces()[0].fault().seen(), HasSubstr("10.0.2.1"));
  EXPECT_THAT(site_.probes(), IsEmpty());
  EXPECT_THAT(site_.requests(), IsEmpty());
}

TEST_F(Discovers, ManyAreToldInPiecesThatAnEventCanHold) {
  for (int i = 1; i < 255; ++i) site_.bmcs["10.0.0." + std::to_string(i)];
  site_.start();
  ask({"10.0.0.0/24"});
  site_.advance(1min);
  EXPECT_EQ(found().size(), 254U);
  EXPECT_GT(pieces().size(), 3U);
  std::uint32_t asked = 0;
  for (const wire::Discovered& piece : pieces()) {
    EXPECT_LE(piece.ByteSizeLong(), 16U << 10U);
    EXPECT_GT(piece.asked(), asked);
    EXPECT_EQ(piece.over(), piece.asked() == 254);
    asked = piece.asked();
  }
  const std::vector<std::string> told = addresses();
  EXPECT_EQ(std::set<std::string>(told.begin(), told.end()).size(), 254U) << "none twice";
}

TEST_F(Discovers, ARestartGoesOnBehindWhatWasTold) {
  for (int i = 1; i < 255; ++i) site_.bmcs["10.0.0." + std::to_string(i)];
  site_.start();
  ask({"10.0.0.0/24"});
  site_.advance(10s);
  ASSERT_FALSE(pieces().empty());
  ASSERT_FALSE(pieces().back().over());
  const std::uint32_t told = pieces().back().asked();
  const std::size_t probed = site_.probes().size();
  site_.start();
  site_.advance(1min);
  EXPECT_TRUE(pieces().back().over());
  EXPECT_EQ(site_.probes()[probed].second.host, "10.0.0." + std::to_string(told + 1));
  EXPECT_EQ(found().size(), 254U);
}

TEST_F(Discovers, WhoStopsItIsToldWhatIsKnown) {
  site_.bmcs["10.0.0.3"];
  site_.start();
  ask({"10.0.0.0/24"});
  site_.advance(1s);
  stop("another");
  EXPECT_THAT(pieces(), IsEmpty());
  stop();
  ASSERT_EQ(pieces().size(), 1U);
  EXPECT_TRUE(pieces()[0].over());
  EXPECT_EQ(pieces()[0].fault().code(), wire::CANCELLED_BY_OPERATOR);
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.3"));
  const std::size_t probed = site_.probes().size();
  site_.advance(1min);
  EXPECT_EQ(site_.probes().size(), probed);
}

TEST_F(Discovers, ABmcThatWorkOfOursTalksToIsLeftAlone) {
  site_.bmcs["10.0.0.2"];
  site_.start();
  site_.order(make_order(site_, 1));  // its BMC does not answer, so it talks on
  ASSERT_FALSE(site_.requests().empty());
  ask({"10.0.0.1-10.0.0.2"});
  site_.advance(5s);
  ASSERT_EQ(found().size(), 2U);
  EXPECT_EQ(found()[0].what(), wire::FoundBmc::NOT_ASKED);
  EXPECT_EQ(found()[1].what(), wire::FoundBmc::REDFISH);
  for (const auto& [at, probe] : site_.probes()) EXPECT_EQ(probe.host, "10.0.0.2");
}

TEST_F(Discovers, ANewerQuestionTakesThePlaceOfOneThatIsUnderWay) {
  site_.bmcs["10.0.1.1"];
  site_.start();
  ask({"10.0.0.0/24"});
  site_.advance(1s);
  ask({"10.0.1.1"}, "q2");
  site_.advance(1min);
  ASSERT_EQ(pieces().size(), 1U);
  EXPECT_EQ(pieces()[0].request_id(), "q2");
  EXPECT_THAT(addresses(), ElementsAre("10.0.1.1"));
}

TEST_F(Discovers, TheTextsOfABmcAreShortAndOnOneLine) {
  EXPECT_EQ(agent::told_text("a\nb\x1b[2Jc"), "a b [2Jc");
  EXPECT_EQ(agent::told_text(std::string(500, 'x')).size(), 80U);
}

}  // namespace
}  // namespace metalmesh::test
