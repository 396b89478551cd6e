// What named the recorded machine names nobody any more: each that wears the record has names of its own, however they are
// spelled, and in its paths, too.
#include "tests/bmcsim/model/machine_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/text/letters.h"
#include "tests/bmcsim/model/bmc_model.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string said_by(const std::string& machine, const char* resource) {
  RecordedNames names;
  names.find(parse_body(resource));
  return OwnNames(names, machine, {{"ACME123456", "MINE1"}}).in(resource);
}

std::string text_at(const std::string& said, std::string_view key) {
  return string_at(parse_body(said), key);
}

TEST(MachineNames, AMacIsTheSameOneInEverySpelling) {
  const std::string said = said_by(
      "a", R"({"MACAddress":"3C:6D:66:0E:DB:DC","Dashes":"3c-6d-66-0e-db-dc","HostName":"BMC3C6D660EDBDC",
                       "Address":"fe80::3e6d:66ff:fe0e:dbdc"})");
  const std::string mac = text_at(said, "MACAddress");
  EXPECT_THAT(mac, testing::MatchesRegex("3C(:[0-9A-F][0-9A-F]){5}"));
  EXPECT_NE(mac, "3C:6D:66:0E:DB:DC");
  std::string plain = mac, dashes = to_lower(mac);
  std::erase(plain, ':');
  std::ranges::replace(dashes, ':', '-');
  EXPECT_EQ(text_at(said, "HostName"), "BMC" + plain);
  EXPECT_EQ(text_at(said, "Dashes"), dashes);
  EXPECT_THAT(text_at(said, "Address"), testing::StartsWith("fe80::3e"));
  EXPECT_THAT(text_at(said, "Address"), Not(HasSubstr("6d:66ff")));
}

TEST(MachineNames, AnotherMachineHasOthersAndTheSameOneTheSame) {
  constexpr char drive[] =
      R"({"SerialNumber":"S6C1NA0TA01511","UUID":"6173ecec-6ef5-11ee-834a-0a8fc3a58a71"})";
  EXPECT_EQ(said_by("a", drive), said_by("a", drive));
  for (const char* key : {"SerialNumber", "UUID"})
    EXPECT_NE(text_at(said_by("a", drive), key), text_at(said_by("b", drive), key));
  EXPECT_EQ(text_at(said_by("a", drive), "SerialNumber").size(), 14U);
}

TEST(MachineNames, WhatIsGivenStandsWhereverTheRecordedOneStoodAndNobodysNamesStay) {
  const std::string said =
      said_by("a", R"({"SerialNumber":"ACME123456","HostName":"ILOACME123456","Model":"X12345",
    "UUID":"00000000-0000-0000-0000-000000000000","Parts":[{"SerialNumber":"To be filled by O.E.M."}]})");
  EXPECT_EQ(text_at(said, "HostName"), "ILOMINE1");
  EXPECT_EQ(text_at(said, "Model"), "X12345");
  EXPECT_EQ(text_at(said, "UUID"), "00000000-0000-0000-0000-000000000000");
  EXPECT_THAT(said, HasSubstr("To be filled by O.E.M."));
}

TEST(MachineNames, PathsWithANameAreItsOwnAndLeadWhereTheyDid) {
  Personality one;
  one.name = "numbered";
  one.tree.put("/redfish/v1", R"({"Systems":{"@odata.id":"/redfish/v1/Systems"}})");
  one.tree.put("/redfish/v1/Systems", R"({"Members":[{"@odata.id":"/redfish/v1/Systems/ACME123456"}]})");
  one.tree.put("/redfish/v1/Systems/ACME123456",
               R"({"@odata.id":"/redfish/v1/Systems/ACME123456","SerialNumber":"ACME123456","Boot":{},
    "Actions":{"#ComputerSystem.Reset":{"target":"/redfish/v1/Systems/ACME123456/Actions/Reset"}}})");
  ASSERT_TRUE(one.tree.add_lines(
      R"({"method":"PATCH","path":"/redfish/v1/Systems/ACME123456","status":400,"reply":{"error":{"message":"ACME123456"}}})"));
  BmcOptions mine;
  mine.serial = "MINE1";
  BmcModel model(mine);
  model.wear(std::make_shared<const Personality>(std::move(one)));
  const auto ask = [&](const char* method, const std::string& path) {
    return model.handle({.method = method,
                         .path = path,
                         .headers = {{"authorization", "Basic YWRtaW46cGFzc3dvcmQ="}},
                         .body = R"({"ResetType":"On"})",
                         .query = {}},
                        MonoTime{});
  };
  EXPECT_THAT(ask("GET", "/redfish/v1/Systems").body, HasSubstr("/redfish/v1/Systems/MINE1"));
  EXPECT_EQ(string_at(parse_body(ask("GET", "/redfish/v1/Systems/MINE1").body), "SerialNumber"), "MINE1");
  EXPECT_EQ(ask("GET", "/redfish/v1/Systems/ACME123456").status, 404);
  EXPECT_THAT(ask("PATCH", "/redfish/v1/Systems/MINE1").body, HasSubstr("MINE1"));
  EXPECT_EQ(ask("POST", "/redfish/v1/Systems/MINE1/Actions/Reset").status, 204);
  EXPECT_TRUE(model.host().on());
}

}  // namespace
}  // namespace metalmesh::bmcsim
