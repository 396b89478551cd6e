// What an install asks of a BMC whose map an inspection has left: the list is golden, since on a real BMC
// each request takes 0.3 to 3 seconds.
#include <gmock/gmock.h>

#include "tests/unit/install/world.h"

namespace metalmesh::install {
namespace {

using testing::ElementsAre;

const std::string sessions = "/redfish/v1/SessionService/Sessions";
const std::string system_1 = "/redfish/v1/Systems/1";
const std::string slot_cd = system_1 + "/VirtualMedia/Cd";

record::BmcMap map_of(const FakeBmc& bmc) {
  record::BmcMap map;
  map.set_address("10.20.0.112");
  map.set_key_sha256(bmc.key);
  map.set_sessions(sessions);
  map.set_system(system_1);
  map.add_slots(slot_cd);
  auto& interface = *map.add_interfaces();
  interface.set_uri(system_1 + "/EthernetInterfaces/1");
  interface.add_macs(bmc.mac);
  for (const char* value : {"On", "ForceOff", "GracefulShutdown"}) map.add_reset_values(value);
  return map;
}

/// Outside WATCH and VERIFY, which look for as long as an installer runs.
std::vector<std::string> asked_by_stages(const World& world) {
  std::vector<std::string> out;
  for (const auto& [stage, line] : world.asked)
    if (stage != wire::WATCH && stage != wire::VERIFY) out.push_back(line);
  return out;
}

TEST(Conversation, WithAMapNothingIsAskedThatIsKnown) {
  World world;
  const record::BmcMap map = map_of(world.bmc);
  world.known.map = &map;
  world.job.mutable_agreed()->mutable_identity()->clear_macs();
  ASSERT_TRUE(world.run());
  ASSERT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_THAT(
      asked_by_stages(world),
      ElementsAre(
          "POST " + sessions, "GET " + system_1, "GET " + slot_cd,
          "POST " + slot_cd + "/Actions/VirtualMedia.InsertMedia", "GET " + slot_cd, "PATCH " + system_1,
          "GET " + system_1, "POST " + system_1 + "/Actions/ComputerSystem.Reset",
          "GET " + system_1,  // POWER: whether it did anything; a medium that is read by then tells, too
          "GET " + slot_cd, "POST " + slot_cd + "/Actions/VirtualMedia.EjectMedia", "GET " + slot_cd,
          "POST " + system_1 + "/Actions/ComputerSystem.Reset", "DELETE " + sessions + "/t1"));
}

TEST(Conversation, AMediumThatIsReadSoonTellsThatTheHostIsOn) {
  World world;
  const record::BmcMap map = map_of(world.bmc);
  world.known.map = &map;
  world.job.mutable_agreed()->mutable_identity()->clear_macs();
  world.post_time = 1s;
  ASSERT_TRUE(world.run());
  ASSERT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(asked_by_stages(world).size(), 13U) << "POWER asks nothing";
}

// It reads all of its medium to its last moment, and its new system calls back at once.
TEST(Conversation, AShortInstallIsEighteenRequestsInAll) {
  World world;
  const record::BmcMap map = map_of(world.bmc);
  world.known.map = &map;
  world.job.mutable_agreed()->mutable_identity()->clear_macs();
  world.job.mutable_agreed()->mutable_install()->mutable_proof()->set_minimum(wire::PROOF_CALLBACK);
  world.post_time = 1s;
  world.install_time = 8s;
  world.calls_back = true;
  ASSERT_TRUE(world.run());
  ASSERT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  std::vector<std::string> asked;
  for (const auto& [stage, line] : world.asked) asked.push_back(line);
  EXPECT_THAT(asked, ElementsAre("POST " + sessions, "GET " + system_1, "GET " + slot_cd,
                                 "POST " + slot_cd + "/Actions/VirtualMedia.InsertMedia", "GET " + slot_cd,
                                 "PATCH " + system_1, "GET " + system_1,
                                 "POST " + system_1 + "/Actions/ComputerSystem.Reset",
                                 "GET " + system_1,                     // WATCH: on
                                 "GET " + system_1,                     // off, when it has stopped to read
                                 "GET " + system_1,                     // and a second later still
                                 "GET " + system_1, "GET " + system_1,  // no power cut: for 20 s
                                 "GET " + slot_cd, "POST " + slot_cd + "/Actions/VirtualMedia.EjectMedia",
                                 "GET " + slot_cd, "POST " + system_1 + "/Actions/ComputerSystem.Reset",
                                 "DELETE " + sessions + "/t1"));
}

TEST(Conversation, AnInterfaceThatHoldsAnOrderedMacIsReadOnceForEachReading) {
  World world;
  const record::BmcMap map = map_of(world.bmc);
  world.known.map = &map;
  ASSERT_TRUE(world.run());
  ASSERT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  const auto asked = asked_by_stages(world);
  EXPECT_EQ(std::ranges::count(asked, "GET " + system_1 + "/EthernetInterfaces/1"), 2);
  EXPECT_EQ(std::ranges::count(asked, "GET " + system_1 + "/EthernetInterfaces"), 0);
  EXPECT_EQ(asked.size(), 16U);
}

TEST(Conversation, AMapOfAnotherKeyCostsOneDiscovery) {
  World world;
  record::BmcMap map = map_of(world.bmc);
  map.set_key_sha256("bb22");
  world.known.map = &map;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
  EXPECT_EQ(std::ranges::count(asked_by_stages(world), "GET /redfish/v1/"), 1);
}

}  // namespace
}  // namespace metalmesh::install
