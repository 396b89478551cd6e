#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

class Inspect : public ::testing::Test {
 protected:
  void inspect(const std::string& address, const std::string& id = "i1") {
    wire::Command command;
    wire::InspectServer& request = *command.mutable_inspect_server();
    request.set_server("s1");
    request.set_request_id(id);
    request.mutable_bmc()->set_address(address);
    request.mutable_bmc()->set_credential("bmc");
    site_.command(command);
  }
  std::vector<wire::Inspected> results() const {
    std::vector<wire::Inspected> found;
    for (const wire::Event& event : site_.told(&wire::Event::has_inspected))
      found.push_back(event.inspected());
    return found;
  }
  TestSite site_;
};

TEST_F(Inspect, ReportsWhoTheMachineIsAndLeavesNothingBehind) {
  site_.bmcs["10.0.0.1"];
  site_.start();
  inspect("10.0.0.1");
  ASSERT_EQ(results().size(), 1U);
  const wire::Inspected result = results()[0];
  EXPECT_FALSE(result.has_fault()) << result.fault().seen();
  EXPECT_EQ(result.request_id(), "i1");
  EXPECT_EQ(result.identity().serial(), "CZ2D4F0A1B");
  EXPECT_EQ(result.identity().uuid(), "4c4c4544-0042-3510-8051-b4c04f4a4d32");
  ASSERT_EQ(result.identity().macs_size(), 1);
  EXPECT_EQ(result.power(), "Off");
  EXPECT_EQ(result.model(), "R1");
  EXPECT_EQ(result.bmc_firmware(), "1.2");
  EXPECT_EQ(result.bmc_key_sha256(), std::string(64, 'b'));
  EXPECT_TRUE(result.virtual_media());
  EXPECT_TRUE(result.no_shutdown()) << "On and ForceOff are all it offers";
  EXPECT_EQ(site_.bmcs["10.0.0.1"].sessions_open, 0);
  EXPECT_TRUE(site_.store.scan("inspect/", "inspect0", 10)->empty());
}

// On a real BMC each request takes 0.3 to 3 seconds.
TEST_F(Inspect, AsksForNothingTwice) {
  site_.bmcs["10.0.0.1"];
  site_.start();
  inspect("10.0.0.1");
  std::vector<std::string> asked;
  for (const HttpRequest& request : site_.requests())
    asked.push_back(request.method + " " + request.url.substr(request.url.find("/v1") + 3));
  EXPECT_THAT(asked,
              ::testing::ElementsAre("GET /", "POST /SessionService/Sessions", "GET /Systems",
                                     "GET /Systems/1", "GET /Managers/1", "GET /Systems/1/EthernetInterfaces",
                                     "GET /Systems/1/EthernetInterfaces/1", "GET /Managers/1/VirtualMedia",
                                     "GET /Managers/1/VirtualMedia/Cd", "DELETE /SessionService/Sessions/1"));
}

TEST_F(Inspect, LeavesTheWayAroundTheBmcForTheNextDialogue) {
  site_.bmcs["10.0.0.1"];
  site_.start();
  inspect("10.0.0.1");
  const auto rows = *site_.store.scan("bmc/", "bmc0", 10);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].key, "bmc/10.0.0.1");
  record::BmcMap map;
  ASSERT_TRUE(map.ParseFromString(*rows[0].value));
  EXPECT_EQ(map.key_sha256(), std::string(64, 'b'));
  EXPECT_EQ(map.system(), "/redfish/v1/Systems/1");
  EXPECT_THAT(map.slots(), ::testing::ElementsAre("/redfish/v1/Managers/1/VirtualMedia/Cd"));
  EXPECT_THAT(map.reset_values(), ::testing::ElementsAre("On", "ForceOff"));
  EXPECT_EQ(map.firmware(), "1.2");
}

TEST_F(Inspect, TheKeyOfTheFirstAnswerIsPinnedForTheRest) {
  site_.bmcs["10.0.0.1"];
  site_.start();
  inspect("10.0.0.1");
  ASSERT_GT(site_.requests().size(), 2U);
  EXPECT_EQ(site_.requests()[0].trust, TlsTrust::capture);
  EXPECT_FALSE(site_.requests()[0].credential) << "no password before the key is known";
  for (std::size_t i = 1; i < site_.requests().size(); ++i) {
    EXPECT_EQ(site_.requests()[i].trust, TlsTrust::pin);
    EXPECT_EQ(site_.requests()[i].pin_sha256, std::string(64, 'b'));
  }
}

TEST_F(Inspect, AnotherKeyThanThePinnedOneIsToldSoThatItCanBeAccepted) {
  site_.start();
  inspect("10.0.0.7");
  ASSERT_FALSE(site_.requests().empty());
  site_.deliver(HttpFailed{site_.requests().back().id, HttpFailure::key_changed, std::string(64, 'c')});
  site_.advance(std::chrono::seconds(1));
  ASSERT_EQ(results().size(), 1U);
  EXPECT_EQ(results()[0].fault().code(), wire::BMC_KEY_CHANGED);
  EXPECT_EQ(results()[0].bmc_key_sha256(), std::string(64, 'c'));
}

TEST_F(Inspect, ASilentBmcIsTriedAsLongAsAnInstallWouldAndThenNamed) {
  site_.start();
  inspect("10.0.0.7");
  for (int seconds = 0; seconds < 120 && results().empty(); seconds += 15) {
    ASSERT_FALSE(site_.requests().empty());
    site_.deliver(HttpFailed{site_.requests().back().id, HttpFailure::refused, "no route"});
    site_.advance(std::chrono::seconds(15));
  }
  ASSERT_EQ(results().size(), 1U);
  EXPECT_EQ(results()[0].fault().code(), wire::BMC_UNREACHABLE);
  EXPECT_THAT(results()[0].fault().seen(), ::testing::HasSubstr("10.0.0.7"));
  EXPECT_GE(results()[0].fault().tries(), 3U);
  EXPECT_THAT(results()[0].fault().seen(), ::testing::HasSubstr("no route"));
}

TEST_F(Inspect, RefusedLoginsCountForTheBreaker) {
  for (const char* address : {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"})
    site_.bmcs[address].refuses_login = true;
  site_.start();
  site_.deliver(CredentialsChanged{{{"bmc", "v1"}}});
  int n = 0;
  for (const auto& [address, bmc] : std::map(site_.bmcs)) inspect(address, "i" + std::to_string(++n));
  ASSERT_EQ(results().size(), 4U);
  for (const wire::Inspected& result : results()) EXPECT_EQ(result.fault().code(), wire::BMC_LOGIN_REFUSED);
  EXPECT_EQ(site_.bmcs["10.0.0.4"].logins, 0) << "answered without another login";
  EXPECT_EQ(site_.told(&wire::Event::has_credential_held).size(), 1U);
}

TEST_F(Inspect, WhoeverBeganBeforeTheCredentialWasHeldDoesNotLogInEither) {
  site_.start();
  site_.deliver(CredentialsChanged{{{"bmc", "v1"}}});
  inspect("10.0.0.9", "slow");
  ASSERT_FALSE(site_.requests().empty());
  const std::string slow = site_.requests().back().id;
  site_.advance(std::chrono::seconds(20));
  int n = 0;
  for (const char* address : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) {
    site_.bmcs[address].refuses_login = true;
    inspect(address, "i" + std::to_string(++n));
  }
  ASSERT_EQ(site_.told(&wire::Event::has_credential_held).size(), 1U);
  site_.bmcs["10.0.0.9"];
  site_.deliver(HttpFailed{slow, HttpFailure::timed_out, "connect timed out"});
  site_.advance(std::chrono::seconds(10));
  ASSERT_EQ(results().size(), 4U);
  EXPECT_EQ(results().back().fault().code(), wire::BMC_LOGIN_REFUSED);
  EXPECT_EQ(site_.bmcs["10.0.0.9"].logins, 0);
}

TEST_F(Inspect, OneConversationPerBmcAtATime) {
  site_.start();
  inspect("10.0.0.1", "i1");
  inspect("10.0.0.1", "i2");
  EXPECT_EQ(site_.requests().size(), 1U);
}

TEST_F(Inspect, ACrashRepeatsItInsteadOfLosingIt) {
  site_.start();
  inspect("10.0.0.1");
  site_.bmcs["10.0.0.1"];
  site_.start();
  ASSERT_EQ(results().size(), 1U);
  EXPECT_FALSE(results()[0].has_fault());
}

TEST_F(Inspect, TellsWhatTheMachineIsMadeOfAndWhatItCouldNotRead) {
  site_.bmcs["10.0.0.1"].system_more =
      R"(, "BiosVersion": "U58", "SecureBoot": {"@odata.id": "/redfish/v1/Systems/1/SecureBoot"})";
  site_.start();
  inspect("10.0.0.1");
  ASSERT_EQ(results().size(), 1U);
  EXPECT_FALSE(results()[0].has_fault());
  const wire::Inventory seen = results()[0].inventory();
  EXPECT_EQ(seen.bios(), "U58");
  EXPECT_EQ(seen.bmc_firmware(), "1.2");
  EXPECT_THAT(seen.unread(), ::testing::ElementsAre("HTTP 404 for /redfish/v1/Systems/1/SecureBoot"));
  EXPECT_EQ(site_.bmcs["10.0.0.1"].sessions_open, 0);
}

TEST_F(Inspect, ThatNobodyWaitsForIsNotBesideWorkOnItsBmc) {
  site_.bmcs["10.0.0.1"];
  site_.images_ready = false;
  site_.start();
  site_.order(make_order(site_, 1));  // waits for its image
  wire::Command quiet;
  wire::InspectServer& request = *quiet.mutable_inspect_server();
  request.set_server("s1");
  request.set_request_id("quiet");
  request.mutable_bmc()->set_address("10.0.0.1");
  request.mutable_bmc()->set_credential("bmc");
  request.set_quiet(true);
  site_.command(quiet);
  site_.advance(std::chrono::minutes(1));
  EXPECT_EQ(results().size(), 0U);
  inspect("10.0.0.1", "asked");
  ASSERT_EQ(results().size(), 1U);
  EXPECT_EQ(results()[0].request_id(), "asked");
}

class Leftover : public Inspect {
 protected:
  Leftover() {
    site_.settings.media_address = "192.0.2.7:8443";
    bmc_.image = "https://192.0.2.7:8443/m/0123456789abcdef.iso";
    bmc_.override_ = "Once";
  }
  wire::Inspected look(bool take_away, const std::string& serial = "CZ2D4F0A1B") {
    wire::Command command;
    wire::InspectServer& request = *command.mutable_inspect_server();
    request.set_server("s1");
    request.set_request_id("i" + std::to_string(++asked_));
    request.mutable_bmc()->set_address("10.0.0.1");
    request.mutable_bmc()->set_credential("bmc");
    request.mutable_expected()->set_uuid("4c4c4544-0042-3510-8051-b4c04f4a4d32");
    request.mutable_expected()->set_serial(serial);
    request.set_look_for_ours(true);
    request.set_take_ours_away(take_away);
    site_.command(command);
    for (int i = 0; i < 60 && results().size() < asked_; ++i) site_.advance(std::chrono::seconds(2));
    EXPECT_EQ(results().size(), asked_);
    return results().empty() ? wire::Inspected() : results().back();
  }
  FakeBmc& bmc_ = site_.bmcs["10.0.0.1"];
  std::size_t asked_ = 0;
};

TEST_F(Leftover, IsFoundAndNotTouched) {
  site_.start();
  const wire::Inspected seen = look(false);
  EXPECT_TRUE(seen.looked_for_ours());
  ASSERT_EQ(seen.ours_size(), 2) << seen.ShortDebugString();
  EXPECT_EQ(seen.ours(0), "our medium https://192.0.2.7:8443/m/0123456789abcdef.iso is in slot Cd");
  EXPECT_EQ(seen.ours(1), "the boot override \"Once Cd\" is set");
  EXPECT_EQ(bmc_.ejects, 0);
  EXPECT_EQ(bmc_.override_, "Once");
  EXPECT_EQ(bmc_.sessions_open, 0);
}

/// A box that was given up for this one had another address.
TEST_F(Leftover, OfAnAgentAtAnotherHostIsFound) {
  bmc_.image = "https://192.0.2.99:8443/m/0123456789abcdef0123456789ABCDEF.iso";
  site_.start();
  const wire::Inspected seen = look(false);
  ASSERT_EQ(seen.ours_size(), 2);
  EXPECT_EQ(seen.ours(0), "our medium " + bmc_.image + " is in slot Cd");
}

TEST_F(Leftover, IsTakenAwayWhenAPersonSaysSo) {
  site_.start();
  const wire::Inspected seen = look(true);
  EXPECT_FALSE(seen.has_fault()) << seen.fault().seen();
  EXPECT_EQ(seen.ours_size(), 0) << seen.ours(0);
  EXPECT_EQ(bmc_.image, "");
  EXPECT_EQ(bmc_.override_, "Disabled");
  EXPECT_EQ(bmc_.sessions_open, 0);
}

TEST_F(Leftover, OfSomebodyElseIsLeftAlone) {
  bmc_.image = "https://mirror.example/rescue.iso";
  site_.start();
  const wire::Inspected seen = look(true);
  ASSERT_EQ(seen.ours_size(), 1);
  EXPECT_EQ(seen.ours(0), "the boot override \"Once Cd\" is set, perhaps by us");
  EXPECT_EQ(bmc_.ejects, 0);
  EXPECT_EQ(bmc_.override_, "Once") << "nobody knows whose it is";
}

TEST_F(Leftover, OnAnotherMachineNothingIsTakenAway) {
  site_.start();
  const wire::Inspected seen = look(true, "CZ00000000");
  EXPECT_TRUE(seen.has_fault());
  EXPECT_EQ(bmc_.ejects, 0);
  EXPECT_EQ(bmc_.override_, "Once");
}

TEST_F(Leftover, ThatStaysIsToldSo) {
  bmc_.keeps_medium = true;
  site_.start();
  const wire::Inspected seen = look(true);
  ASSERT_EQ(seen.ours_size(), 1) << seen.ShortDebugString();
  EXPECT_THAT(seen.ours(0), ::testing::HasSubstr("stays there whatever is asked"));
  EXPECT_EQ(bmc_.ejects, 2) << "with and without a body, and once by writing the slot";
}

}  // namespace
}  // namespace metalmesh::test
