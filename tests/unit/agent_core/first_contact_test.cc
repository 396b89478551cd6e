// No password goes to a BMC whose key nobody stands for, nor out of the networks that the site's own file names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/core/bmc_reach.h"
#include "common/ports/wire_time.h"
#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct FirstContact : ::testing::Test {
  TestSite site;
  int asked = 0;
  FirstContact() {
    own("10.0.0.0/24", {});
    site.bmcs["10.0.0.1"];
  }
  void own(const std::string& cidr, std::initializer_list<const char*> credentials,
           bool first_contact = false) {
    site.settings.bmc_networks.Clear();
    config::SiteNetwork& network = *site.settings.bmc_networks.Add();
    network.set_cidr(cidr);
    network.set_first_contact(first_contact);
    for (const char* credential : credentials) network.add_credentials(credential);
  }
  wire::Inspected inspect(const std::function<void(wire::BmcTarget&)>& with = {}) {
    wire::Command command;
    wire::InspectServer& request = *command.mutable_inspect_server();
    request.set_server("s1");
    request.set_request_id("i" + std::to_string(++asked));
    request.mutable_bmc()->set_address("10.0.0.1");
    request.mutable_bmc()->set_credential("bmc");
    if (with) with(*request.mutable_bmc());
    site.command(command);
    const auto told = site.told(&wire::Event::has_inspected);
    return told.empty() ? wire::Inspected() : told.back().inspected();
  }
  void open(const std::string& cidr, Duration lasting) {
    wire::Command command;
    wire::FirstContact& opened = *command.mutable_site_settings()->add_first_contact();
    opened.set_cidr(cidr);
    *opened.mutable_until() = to_wire(site.wall() + lasting);
    site.command(command);
  }
  int logins() { return site.bmcs["10.0.0.1"].logins; }
};

TEST_F(FirstContact, AKeyThatNobodyApprovedIsToldAndTheBmcIsNotLoggedInTo) {
  site.start();
  const wire::Inspected seen = inspect();
  EXPECT_EQ(seen.fault().code(), wire::BMC_KEY_UNKNOWN);
  EXPECT_EQ(seen.bmc_key_sha256(), std::string(64, 'b')) << "so that a person can approve it";
  EXPECT_THAT(seen.fault().next(), HasSubstr("metalmesh server accept s1"));
  EXPECT_EQ(logins(), 0);
  for (const HttpRequest& request : site.requests()) EXPECT_FALSE(request.credential) << request.url;
  EXPECT_EQ(site.requests().size(), 1U) << "the root, and no more";
}

TEST_F(FirstContact, AnApprovedKeyAndAnAuthorityAreEnough) {
  site.start();
  EXPECT_FALSE(inspect([](wire::BmcTarget& bmc) { bmc.set_key_sha256(std::string(64, 'b')); }).has_fault());
  EXPECT_FALSE(inspect([](wire::BmcTarget& bmc) { bmc.set_tls(wire::BmcTarget::CA); }).has_fault());
  EXPECT_EQ(logins(), 2);
}

TEST_F(FirstContact, ADeliveryIsLetInForAsLongAsItIsOpen) {
  site.start();
  open("10.0.0.0/28", 1h);
  EXPECT_FALSE(inspect().has_fault());
  site.advance(2h);
  EXPECT_EQ(inspect().fault().code(), wire::BMC_KEY_UNKNOWN);
  open("10.0.0.16/28", 1h);
  EXPECT_EQ(inspect().fault().code(), wire::BMC_KEY_UNKNOWN) << "another network";
}

TEST_F(FirstContact, TheSitesOwnFileMayLetThemIn) {
  own("10.0.0.0/24", {}, true);
  site.start();
  EXPECT_FALSE(inspect().has_fault());
}

TEST_F(FirstContact, AnOrderedInspectionWaitsLikewise) {
  site.start();
  orders::Parts order = make_order(site, 1, 0);
  order.agreed.mutable_inspect();
  order.agreed.clear_identity();
  order.issue.clear_bmc_key_sha256();
  order.issue.clear_image_urls();
  order.issue.clear_launch_by();
  order.issue.clear_start_by();
  site.order(order);
  EXPECT_EQ(logins(), 0);
  const auto ended = site.told(&wire::Event::has_ended);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].ended().fault().code(), wire::BMC_KEY_UNKNOWN);
}

TEST_F(FirstContact, NothingThatTheControllerSaysLeadsAPasswordOutOfTheSitesNetworks) {
  own("10.0.0.128/25", {});
  site.start();
  wire::Command command;
  command.mutable_site_settings()->add_bmc_networks()->set_cidr("10.0.0.0/24");
  site.command(command);
  open("10.0.0.0/24", 1h);
  const wire::Inspected seen =
      inspect([](wire::BmcTarget& bmc) { bmc.set_key_sha256(std::string(64, 'b')); });
  EXPECT_EQ(seen.fault().code(), wire::BMC_NOT_ALLOWED);
  EXPECT_THAT(seen.fault().seen(), HasSubstr("as the site's own file has it"));
  EXPECT_THAT(site.requests(), IsEmpty());
}

TEST_F(FirstContact, ACredentialStaysWhereTheSitesOwnFileUsesIt) {
  own("10.0.0.0/24", {"other"});
  site.start();
  EXPECT_EQ(inspect().fault().code(), wire::BMC_NOT_ALLOWED);
}

TEST_F(FirstContact, ADiscoveryThatMayLogInStillAsksWhoseKeyItIs) {
  site.probes_answered = true;
  site.start();
  wire::Command command;
  wire::BmcNetwork& network = *command.mutable_site_settings()->add_bmc_networks();
  network.set_cidr("10.0.0.0/24");
  network.add_credentials("bmc");
  network.set_discover_with_login(true);
  site.command(command);
  wire::Command ask;
  ask.mutable_discover()->set_request_id("q");
  ask.mutable_discover()->add_ranges("10.0.0.1");
  site.command(ask);
  site.advance(1min);
  const auto told = site.told(&wire::Event::has_discovered);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_THAT(told[0].discovered().found(0).note(), HasSubstr("nobody has approved its key"));
  EXPECT_EQ(logins(), 0);
}

TEST_F(FirstContact, AMediumIsItsBmcsAlone) {
  site.settings.bmc_networks.Mutable(0)->add_media_from("10.9.0.1/32");
  site.start();
  site.order(make_order(site, 1));
  std::vector<std::string> readers;
  for (const wire::MediaCommand& sent : site.sent_to_media())
    if (sent.has_mount()) readers = {sent.mount().readers().begin(), sent.mount().readers().end()};
  EXPECT_THAT(readers, ElementsAre("10.0.0.1/32", "10.9.0.1/32"));
}

TEST_F(FirstContact, WhoElseWantsAMediumIsTold) {
  site.bmcs.clear();
  site.plant(armed_job(make_order(site, 1), 1));
  site.start();
  wire::MediaEvent event;
  event.mutable_stranger()->set_token("token1");
  event.mutable_stranger()->set_peer("192.0.2.66");
  site.media(event);
  ASSERT_TRUE(site.job("d1"));
  EXPECT_EQ(site.job("d1")->stranger_read(), "192.0.2.66");
  const auto told = site.told([](const wire::Event& e) { return e.stage().note().contains("192.0.2.66"); });
  ASSERT_EQ(told.size(), 1U);
  EXPECT_THAT(told[0].stage().note(), HasSubstr("only its BMC may"));
}

TEST(BmcReach, WhatIsWrongInTheFileIsNamed) {
  agent::BmcReach::Own own;
  own.Add()->set_cidr("10.0.0.5/24");
  EXPECT_THAT(agent::BmcReach::check(own).error().message, HasSubstr("[0].cidr"));
  own.Mutable(0)->set_cidr("10.0.0.0/24");
  own.Mutable(0)->add_media_from("nat");
  EXPECT_THAT(agent::BmcReach::check(own).error().message, HasSubstr("[0].mediaFrom"));
}

TEST(BmcReach, ANameIsDialledOnlyWhereBothOpenItsCredential) {
  agent::BmcReach::Own own;
  own.Add()->set_cidr("10.0.0.0/16");
  agent::BmcReach reach(own);
  wire::SiteSettings settings;
  settings.add_bmc_networks()->set_cidr("10.0.7.0/24");
  settings.add_bmc_networks()->set_cidr("10.1.0.0/24");
  reach.order(settings);
  EXPECT_FALSE(reach.why_not("bmc7.example", "bmc"));
  EXPECT_THAT(reach.within("bmc7.example", "bmc"), ElementsAre("10.0.7.0/24"));
  settings.mutable_bmc_networks()->DeleteSubrange(0, 1);
  reach.order(settings);
  EXPECT_TRUE(reach.why_not("bmc7.example", "bmc")) << "nowhere is not anywhere";
  EXPECT_FALSE(reach.takes_any_key("bmc7.example", {}));
}

}  // namespace
}  // namespace metalmesh::test
