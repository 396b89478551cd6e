// Finding the machine behind a BMC as BMCs are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/bmc/talk.h"

namespace metalmesh::bmc {
namespace {

using testing::Contains;
using testing::HasSubstr;
using namespace std::chrono_literals;

const std::string systems = "/redfish/v1/Systems";
const std::string system_1 = systems + "/1";

TEST(Discovery, TheRootMayBeAtEitherPath) {
  Talk talk;
  talk.tree["/redfish/v1"] = talk.tree["/redfish/v1/"];
  talk.behaves["GET /redfish/v1/"] = [](const auto&) { return Talk::reply(401); };
  EXPECT_TRUE(talk.identify());
}

TEST(Discovery, ARootThatIsHiddenBeforeLoginIsTheStandardsOne) {
  Talk talk;
  for (const char* path : {"GET /redfish/v1/", "GET /redfish/v1"})
    talk.behaves[path] = [](const auto&) { return Talk::reply(401); };
  EXPECT_TRUE(talk.identify());
}

TEST(Discovery, MembersThatAreOneObject) {
  Talk talk;
  talk.tree[systems] = R"({"Members":{"@odata.id":"/redfish/v1/Systems/1"}})";
  EXPECT_TRUE(talk.identify());
}

TEST(Discovery, AListMayHaveSeveralPages) {
  Talk talk;
  const std::string media = system_1 + "/VirtualMedia";
  talk.tree[media] = R"({"Members":[],"Members@odata.nextLink":")" + media + R"(?$skip=1"})";
  talk.tree[media + "?$skip=1"] = Talk::list({media + "/Cd"});
  ASSERT_TRUE(talk.find_slots());
  EXPECT_EQ(talk.dialogue.slots().size(), 1U);
}

TEST(Discovery, SystemsThatAppearSomeTimeAfterARestartAreWaitedFor) {
  Talk talk;
  const MonoTime there = talk.now.mono + 20s;
  talk.behaves["GET " + systems] = [&](const auto&) {
    return Talk::reply(200, talk.now.mono < there ? Talk::list({}) : Talk::list({system_1}));
  };
  EXPECT_TRUE(talk.identify());
  talk.begin();
  talk.behaves["GET " + systems] = [&](const auto&) { return Talk::reply(200, Talk::list({})); };
  EXPECT_FALSE(talk.identify());
  EXPECT_EQ(talk.trouble->code, wire::SYSTEM_AMBIGUOUS);
}

TEST(Discovery, ADpuBesideTheHostIsNotTheMachine) {
  Talk talk;
  talk.tree[systems] = Talk::list({systems + "/Dpu", system_1});
  talk.tree[systems + "/Dpu"] = Talk::system("Dpu", "", "D1", R"(,"SystemType":"DPU")");
  ASSERT_TRUE(talk.identify());
  EXPECT_EQ(talk.dialogue.system()->uri, system_1);
}

TEST(Discovery, AmongSeveralTheOneThatIsExpected) {
  Talk talk;
  talk.tree[systems] = Talk::list({systems + "/HGX", system_1});
  talk.tree[systems + "/HGX"] = Talk::system("HGX", "00112233-4455-6677-8899-aabbccddeeff", "H1");
  ASSERT_TRUE(talk.identify());
  EXPECT_EQ(talk.dialogue.system()->uri, system_1);

  Talk stranger(redfish::Identity{});
  stranger.tree = talk.tree;
  EXPECT_FALSE(stranger.connect());
  EXPECT_EQ(stranger.trouble->code, wire::SYSTEM_AMBIGUOUS);
}

TEST(Discovery, AMemberThatAnswersFiveHundredForEverIsSkippedAndTold) {
  Talk talk(redfish::Identity{Talk::uuid, Talk::serial, {}, {"3C:A8:2A:00:00:01"}});
  const std::string nics = system_1 + "/EthernetInterfaces";
  talk.tree[nics] = Talk::list({nics + "/broken", nics + "/1"});
  talk.behaves["GET " + nics + "/broken"] = [](const auto&) { return Talk::reply(500); };
  EXPECT_TRUE(talk.identify()) << (talk.trouble ? talk.trouble->seen : "");
  EXPECT_THAT(talk.notes, Contains(HasSubstr(nics + "/broken")));
}

TEST(Discovery, TwoManagersAndOneSaysThatItManagesTheSystem) {
  Talk talk;
  talk.tree[system_1] = R"({"@odata.id":"/redfish/v1/Systems/1","UUID":")" + std::string(Talk::uuid) +
                        R"(","SerialNumber":"CZ2D4F0A1B","Boot":{},"Actions":{"#ComputerSystem.Reset":{}}})";
  talk.tree["/redfish/v1/Managers"] = Talk::list({"/redfish/v1/Managers/rack", "/redfish/v1/Managers/1"});
  talk.tree["/redfish/v1/Managers/rack"] =
      R"({"@odata.id":"/redfish/v1/Managers/rack","VirtualMedia":{"@odata.id":"/redfish/v1/Managers/rack/VM"}})";
  talk.tree["/redfish/v1/Managers/1"] =
      R"({"@odata.id":"/redfish/v1/Managers/1","VirtualMedia":{"@odata.id":"/redfish/v1/Managers/1/VM"},
          "Links":{"ManagerForServers":[{"@odata.id":"/redfish/v1/Systems/1"}]}})";
  talk.tree["/redfish/v1/Managers/1/VM"] = Talk::list({"/redfish/v1/Managers/1/VM/Cd"});
  talk.tree["/redfish/v1/Managers/1/VM/Cd"] = Talk::slot("/redfish/v1/Managers/1/VM/Cd");
  ASSERT_TRUE(talk.find_slots()) << (talk.trouble ? talk.trouble->seen : "");
  ASSERT_EQ(talk.dialogue.slots().size(), 1U);
  EXPECT_EQ(talk.dialogue.slots().front().uri, "/redfish/v1/Managers/1/VM/Cd");
  EXPECT_EQ(talk.dialogue.system()->reset.target, "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset")
      << "an action without a target is at the standard's path";
}

TEST(Discovery, BoardsThatTellAUuidOnlyHaveTheSerialOfTheirChassis) {
  Talk talk;
  talk.tree[system_1] = Talk::system("1", Talk::uuid, "", "")
                            .replace(Talk::system("1", Talk::uuid, "", "").find("\"ManagedBy\""), 0,
                                     R"("Chassis":[{"@odata.id":"/redfish/v1/Chassis/C"}],)");
  talk.tree["/redfish/v1/Chassis/C"] = R"({"SerialNumber":"CZ2D4F0A1B"})";
  EXPECT_TRUE(talk.identify()) << (talk.trouble ? talk.trouble->seen : "");
}

/// A board that tells a UUID and nothing else, and a BMC that tells its own MAC.
struct UuidOnly : testing::Test {
  static constexpr const char* bmc_mac = "B8:3F:D2:00:00:07";
  explicit UuidOnly(redfish::Identity expected = {Talk::uuid, "", {}, {bmc_mac}})
      : talk(std::move(expected)) {
    talk.tree[system_1] = Talk::system("1", Talk::uuid, "");
    talk.tree[system_1 + "/EthernetInterfaces"] = Talk::list({});
    talk.tree["/redfish/v1/Managers/1"] = manager(R"({"@odata.id":"/redfish/v1/Systems/1"})");
    talk.tree[nics] = Talk::list({nics + "/usb0", nics + "/eth0"});
    talk.tree[nics + "/usb0"] = R"({"MACAddress":"02:00:00:00:00:01"})";
    talk.tree[nics + "/eth0"] = R"({"MACAddress":")" + std::string(bmc_mac) + R"("})";
  }
  static std::string manager(const std::string& servers) {
    return R"({"@odata.id":"/redfish/v1/Managers/1","EthernetInterfaces":{"@odata.id":")" + nics +
           R"("},"Links":{"ManagerForServers":[)" + servers + "]}}";
  }
  inline static const std::string nics = "/redfish/v1/Managers/1/EthernetInterfaces";
  Talk talk;
};

struct UuidOnlyAtFirstContact : UuidOnly {
  UuidOnlyAtFirstContact() : UuidOnly(redfish::Identity{}) {}
  bool survey() {
    return talk.ask([&](Turn& turn) {
      return talk.dialogue.connect(turn) == Verdict::done ? talk.dialogue.survey(turn) : Verdict::busy;
    });
  }
};

TEST_F(UuidOnlyAtFirstContact, TheBmcsOwnMacIsTheSecondFactor) {
  ASSERT_TRUE(survey());
  EXPECT_THAT(talk.dialogue.identity().macs, Contains(bmc_mac));
}

TEST_F(UuidOnlyAtFirstContact, NotThatOfABmcThatManagesSeveral) {
  talk.tree["/redfish/v1/Managers/1"] =
      manager(R"({"@odata.id":"/redfish/v1/Systems/1"},{"@odata.id":"/redfish/v1/Systems/2"})");
  ASSERT_TRUE(survey());
  EXPECT_TRUE(talk.dialogue.identity().macs.empty());
}

TEST_F(UuidOnlyAtFirstContact, NorWhereTheHostTellsMore) {
  talk.tree[system_1] = Talk::system("1", Talk::uuid, Talk::serial);
  ASSERT_TRUE(survey());
  EXPECT_EQ(talk.times("GET " + nics), 0);
}

TEST_F(UuidOnly, AnOrderByUuidAndBmcMacIsTheRightMachineAndCostsOneReadingMoreFromThenOn) {
  ASSERT_TRUE(talk.identify()) << (talk.trouble ? talk.trouble->seen : "");
  talk.asked.clear();
  talk.dialogue.forget_identity();
  ASSERT_TRUE(talk.identify());
  EXPECT_THAT(talk.asked, testing::UnorderedElementsAre("GET " + system_1, "GET " + nics + "/eth0"));
}

TEST_F(UuidOnly, AnotherBmcIsNotBelievedAndOneThatChangesIsAContradiction) {
  const std::string right = talk.tree[nics + "/eth0"];
  talk.tree[nics + "/eth0"] = R"({"MACAddress":"B8:3F:D2:00:00:08"})";
  EXPECT_FALSE(talk.identify());
  ASSERT_TRUE(talk.trouble);
  EXPECT_EQ(talk.trouble->code, wire::BMC_PROTOCOL) << "what was meant may be the host's, which is off";
  EXPECT_FALSE(talk.dialogue.contradicted());
  talk.begin();
  talk.tree[nics + "/eth0"] = right;
  ASSERT_TRUE(talk.identify());
  talk.dialogue.forget_identity();
  talk.tree[nics + "/eth0"] = R"({"MACAddress":"B8:3F:D2:00:00:08"})";
  EXPECT_FALSE(talk.identify());
  ASSERT_TRUE(talk.trouble);
  EXPECT_EQ(talk.trouble->code, wire::IDENTITY_MISMATCH);
}

TEST_F(UuidOnly, AHostThatShowsItsOwnAddressIsJudgedByThat) {
  talk.tree[system_1 + "/EthernetInterfaces"] = Talk::list({system_1 + "/EthernetInterfaces/1"});
  EXPECT_FALSE(talk.identify());
  ASSERT_TRUE(talk.trouble);
  EXPECT_EQ(talk.trouble->code, wire::IDENTITY_MISMATCH);
  EXPECT_EQ(talk.times("GET " + nics), 0);
}

TEST(Identity, InterfacesThatAreGoneWhileTheHostIsOffContradictNothing) {
  Talk talk(redfish::Identity{Talk::uuid, Talk::serial, {}, {"3C:A8:2A:00:00:01"}});
  talk.tree[system_1 + "/EthernetInterfaces"] = Talk::list({});
  EXPECT_TRUE(talk.identify());
}

TEST(Identity, EmptyFieldsAreNoReadingAndNoContradiction) {
  Talk talk;
  const MonoTime there = talk.now.mono + 20s;
  talk.behaves["GET " + system_1] = [&](const auto&) {
    return Talk::reply(200, talk.now.mono < there ? Talk::system("1", "", "") : talk.tree[system_1]);
  };
  EXPECT_TRUE(talk.identify());
  EXPECT_FALSE(talk.dialogue.contradicted());
}

TEST(Identity, AContradictionBlocksEveryChangeAndIsNotLiftedByALaterAgreement) {
  Talk talk;
  ASSERT_TRUE(talk.identify());
  const std::string right = talk.tree[system_1];
  talk.tree[system_1] = Talk::system("1", Talk::uuid, "CZ2D4F0B77");
  talk.ask([&](Turn& turn) {
    talk.dialogue.look_again(turn, 1s);
    return Verdict::done;
  });
  EXPECT_FALSE(talk.ask([&](Turn& turn) { return talk.dialogue.look(turn) ? Verdict::done : Verdict::busy; }))
      << "what another machine tells is not handed out";
  EXPECT_TRUE(talk.dialogue.contradicted());
  talk.tree[system_1] = right;
  talk.dialogue.forget_identity();
  ASSERT_TRUE(talk.identify()) << "it is read, and agrees again";
  EXPECT_FALSE(talk.act(Ask::reset, redfish::reset(talk.dialogue.system()->reset, "On")));
  ASSERT_TRUE(talk.trouble);
  EXPECT_EQ(talk.trouble->code, wire::IDENTITY_MISMATCH);
  EXPECT_EQ(talk.times("POST " + system_1 + "/Actions/ComputerSystem.Reset"), 0);
}

TEST(Identity, AUuidWithItsBytesTurnedIsNamedAsThat) {
  Talk talk(redfish::Identity{"44454c4c-4300-104a-8052-b4c04f4d3232", Talk::serial, {}, {}});
  EXPECT_FALSE(talk.identify());
  ASSERT_TRUE(talk.trouble);
  EXPECT_EQ(talk.trouble->code, wire::IDENTITY_MISMATCH);
  EXPECT_THAT(talk.trouble->seen, HasSubstr("bytes turned"));
}

}  // namespace
}  // namespace metalmesh::bmc
