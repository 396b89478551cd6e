// What is given away of a talk with a BMC: nothing that names its machine, and all that is needed to play it.
#include "common/recording/anonymous.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace metalmesh::recording {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t key = 0x5eed;

const std::string talk =
    R"({"site":"par1","server":"db-ledger-07","bmc":"10.20.30.40","deployment":"d-0a1b2c3d","agent":"1.2","outcome":"FAILED","fault":"BOOT_IGNORED"})"
    "\n"
    R"({"at":"2026-01-02T03:04:05Z","method":"GET","path":"/redfish/v1/Systems/CZ2D4F0A1B","tookMs":41,"status":200,"reply":{)"
    R"("@odata.id":"/redfish/v1/Systems/CZ2D4F0A1B","@odata.type":"#ComputerSystem.v1_20_0.ComputerSystem",)"
    R"("SerialNumber":"CZ2D4F0A1B","UUID":"6173ecec-6ef5-11ee-834a-0a8fc3a58a71","SKU":"7Z23","HostName":"dbledger",)"
    R"("Model":"ThinkSystem SR670 V2","PowerState":"Off","HostAutoRecovery":"Enabled","AssetTag":"bank vault",)"
    R"("Boot":{"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"Cd"},)"
    R"("Oem":{"X":{"Key9":"PL8K7Z6Q99","AdminToken":"hunter2hunter2"}}}})"
    "\n"
    R"({"at":"2026-01-02T03:04:06Z","method":"PATCH","path":"/redfish/v1/Systems/CZ2D4F0A1B","body":{"Image":"https://10.20.30.50:8443/m/x.iso"},)"
    R"("tookMs":5100,"status":400,"reply":{"error":{"code":"Base.1.12.PropertyNotWritable","@Message.ExtendedInfo":[{"MessageId":"IDRAC.2.8.SYS428"}],"message":"dbledger at 10.20.30.40 (0A:8F:C3:A5:8A:71) says PropertyNotWritable"}}})"
    "\n"
    R"({"at":"2026-01-02T03:04:07Z","note":"db-ledger-07 of par1 is asked again"})"
    "\n";

TEST(Anonymous, NothingIsLeftThatNamesTheMachineItsPlaceOrItsSecrets) {
  const std::string given = anonymous(talk, key);
  for (const char* gone : {"CZ2D4F0A1B", "6173ecec", "dbledger", "7Z23\"", "bank vault", "PL8K7Z6Q99",
                           "hunter2", "10.20.30.40", "10.20.30.50", "0A:8F:C3", "db-ledger-07", "d-0a1b2c3d"})
    EXPECT_THAT(given, Not(HasSubstr(gone)));
}

TEST(Anonymous, WhatIsPlayedIsLeftAsItWas) {
  const std::string given = anonymous(talk, key);
  for (const char* kept :
       {R"("Model":"ThinkSystem SR670 V2")", R"("BootSourceOverrideEnabled":"Once")",
        R"("code":"Base.1.12.PropertyNotWritable")", R"("MessageId":"IDRAC.2.8.SYS428")", R"("status":400)",
        R"("tookMs":5100)", R"("PowerState":"Off")", R"("outcome":"FAILED")", R"("fault":"BOOT_IGNORED")"})
    EXPECT_THAT(given, HasSubstr(kept));
}

/// Whether a BMC takes https, that port, or a file with no such ending, is what its refusal is about.
TEST(Anonymous, OfAUrlTheSchemeThePortAndTheKindOfFileStay) {
  const std::string lines =
      R"({"method":"POST","path":"/redfish/v1/I","body":{"Image":"https://media.par1.corp.example:8443/m/0a1b2c/Disk.ISO"},)"
      R"("status":400,"reply":{"ImageName":"rhel9-042.iso","error":{"message":"no way to https://media.par1.corp.example:8443/m/0a1b2c/Disk.ISO, not to media.par1.corp.example."}}})";
  const std::string given = anonymous(lines, key);
  EXPECT_THAT(
      given,
      testing::ContainsRegex(
          R"("Image":"https://[a-z]+\.[a-z]+[0-9]\.[a-z]+\.[a-z]+:8443/[a-z]/[0-9a-f]+/[A-Za-z]+\.ISO")"));
  EXPECT_THAT(given, testing::ContainsRegex(R"("ImageName":"[a-z]+[0-9]-[0-9]+\.iso")"));
  for (const char* gone : {"corp", "par1", "0a1b2c", "Disk", "rhel9", "042"})
    EXPECT_THAT(given, Not(HasSubstr(gone)));
  const auto line = boost::json::parse(given);
  EXPECT_THAT(std::string(line.at("reply").at("error").at("message").as_string()),
              HasSubstr(std::string(line.at("body").at("Image").as_string())));
}

/// So that who plays it reads a MAC and a UUID there, and of the MAC whether it is universal.
TEST(Anonymous, WhatStandsForHexDigitsIsHexDigits) {
  const std::string given = anonymous(
      R"({"method":"GET","path":"/x","reply":{"UUID":"6173ecec-6ef5-11ee-834a-0a8fc3a58a71","MACAddress":"3C:6D:66:0E:DB:DC"}})",
      key);
  EXPECT_THAT(given, Not(HasSubstr("6173ecec")));
  EXPECT_THAT(given, testing::ContainsRegex(R"("UUID":"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")"));
  EXPECT_THAT(given, testing::ContainsRegex(R"("MACAddress":"3C(:[0-9A-F]{2}){5}")"));
  EXPECT_THAT(given, Not(HasSubstr("6D:66")));
}

TEST(Anonymous, OneNameIsOneStandInWhereverItStands) {
  const std::string given = anonymous(talk, key);
  const auto second = given.find('\n') + 1;
  const auto line = boost::json::parse(given.substr(second, given.find('\n', second) - second));
  const std::string path(line.at("path").as_string());
  EXPECT_EQ(path, line.at("reply").at("@odata.id").as_string());
  EXPECT_EQ(path.substr(path.rfind('/') + 1), line.at("reply").at("SerialNumber").as_string());
  const auto third = given.find('\n', second) + 1;
  EXPECT_THAT(given.substr(third), HasSubstr(path));
}

}  // namespace
}  // namespace metalmesh::recording
