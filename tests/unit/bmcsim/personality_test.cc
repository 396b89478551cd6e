// The clothes of a recorded BMC: its own paths and what it listed, over the model's state; and what it refused, again.
#include "tests/bmcsim/model/personality.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/bmcsim/model/bmc_model.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace {

using testing::HasSubstr;

constexpr MonoTime now{};

Personality recorded() {
  Personality out;
  out.name = "acme";
  out.tree.put("/redfish/v1", R"({"Vendor":"Acme","Systems":{"@odata.id":"/redfish/v1/Systems"},
    "Links":{"Sessions":{"@odata.id":"/redfish/v1/SessionService/Sessions"}}})");
  out.tree.put("/redfish/v1/Systems", R"({"Members":[{"@odata.id":"/redfish/v1/Systems/Self"}]})");
  out.tree.put("/redfish/v1/Systems/Self",
               R"({"@odata.id":"/redfish/v1/Systems/Self","@odata.etag":"W/\"1\"","PowerState":"On",
    "SerialNumber":"ACME123456","UUID":"6173ecec-6ef5-11ee-834a-0a8fc3a58a71","Color":"blue",
    "Boot":{"BootSourceOverrideEnabled":"Disabled","BootSourceOverrideTarget":"None",
            "BootSourceOverrideTarget@Redfish.AllowableValues":["None","Cd"]},
    "VirtualMedia":{"@odata.id":"/redfish/v1/Systems/Self/VirtualMedia"},
    "Actions":{"#ComputerSystem.Reset":{"target":"/redfish/v1/Systems/Self/Actions/Reset",
               "ResetType@Redfish.AllowableValues":["On","ForceOff"]}}})");
  out.tree.put("/redfish/v1/Systems/Self/VirtualMedia",
               R"({"Members":[{"@odata.id":"/redfish/v1/Systems/Self/VirtualMedia/7"}]})");
  out.tree.put("/redfish/v1/Systems/Self/VirtualMedia/7",
               R"({"@odata.id":"/redfish/v1/Systems/Self/VirtualMedia/7","Id":"7",
    "MediaTypes":["CD"],"Inserted":false,"Image":"None","Actions":{"#VirtualMedia.InsertMedia":{"target":"/redfish/v1/Systems/Self/VirtualMedia/7/Insert"}}})");
  return out;
}

BmcOptions machine() {
  BmcOptions options;
  options.serial = "MINE123456";
  options.uuid = "11111111-2222-4333-8444-555555555555";
  return options;
}

class Acme : public testing::Test {
 protected:
  Acme() { wear(recorded()); }
  void wear(Personality one) {
    model_.emplace(machine());
    model_->wear(std::make_shared<const Personality>(std::move(one)));
  }
  RedfishReply ask(std::string method, std::string path, std::string body = {}, std::string if_match = {}) {
    RedfishRequest request{.method = std::move(method),
                           .path = std::move(path),
                           .headers = {},
                           .body = std::move(body),
                           .query = {}};
    request.headers.emplace_back("authorization", "Basic YWRtaW46cGFzc3dvcmQ=");  // admin:password
    if (!if_match.empty()) request.headers.emplace_back("if-match", if_match);
    return model_->handle(request, now);
  }
  boost::json::value get(const std::string& path) { return parse_body(ask("GET", path).body); }
  const std::string system = "/redfish/v1/Systems/Self";
  const std::string slot = "/redfish/v1/Systems/Self/VirtualMedia/7";
  std::optional<BmcModel> model_;
};

TEST_F(Acme, ShowsWhatWasRecordedAndTheStateOfItsOwnMachine) {
  const auto shown = get(system);
  EXPECT_EQ(shown.at("Color"), "blue");
  EXPECT_EQ(shown.at("PowerState"), "Off");
  EXPECT_EQ(shown.at("SerialNumber"), "MINE123456");
  EXPECT_EQ(ask("GET", "/redfish/v1/Systems/1").status, 404) << "the model's own path is nobody's";
}

TEST_F(Acme, TakesWhatItListsAndNothingElse) {
  EXPECT_EQ(ask("POST", system + "/Actions/Reset", R"({"ResetType":"ForceRestart"})").status, 400);
  EXPECT_EQ(ask("POST", system + "/Actions/Reset", R"({"ResetType":"On"})").status, 204);
  EXPECT_TRUE(model_->host().on());
  EXPECT_EQ(ask("PATCH", system,
                R"({"Boot":{"BootSourceOverrideTarget":"UsbCd","BootSourceOverrideEnabled":"Once"}})")
                .status,
            400);
  EXPECT_THAT(ask("PATCH", system, R"({"Boot":{"BootSourceOverrideMode":"UEFI"}})").body,
              HasSubstr("BootSourceOverrideMode"));
  const std::string once = R"({"Boot":{"BootSourceOverrideTarget":"Cd","BootSourceOverrideEnabled":"Once"}})";
  EXPECT_EQ(ask("PATCH", system, once, "W/\"old\"").status, 412);
  const std::string etag = header(ask("GET", system).headers, "ETag");
  EXPECT_THAT(etag, testing::StartsWith("W/")) << "as it was recorded";
  EXPECT_EQ(ask("PATCH", system, once, etag).status, 204);
  EXPECT_EQ(get(system).at("Boot").at("BootSourceOverrideEnabled"), "Once");
}

TEST_F(Acme, ItsSlotIsTheModels) {
  EXPECT_EQ(get(slot).at("Image"), "None");
  EXPECT_EQ(ask("POST", slot + "/Insert", R"({"Image":"https://h/m/a.iso"})").status, 204);
  EXPECT_EQ(model_->host().media_url(), "https://h/m/a.iso");
  EXPECT_EQ(get(slot).at("Inserted"), true);
  EXPECT_TRUE(get(slot).at("Actions").as_object().contains("#VirtualMedia.EjectMedia"))
      << "once there is something to eject";
}

TEST_F(Acme, AFaultWorksOnWhateverItWears) {
  model_->set_fault("power_state_null");
  EXPECT_TRUE(get(system).at("PowerState").is_null());
}

TEST_F(Acme, WhatWasRefusedIsRefusedAgainInItsOrderAndTheLastRefusalStays) {
  Personality one = recorded();
  ASSERT_TRUE(one.tree.add_lines(
      R"({"method":"PATCH","path":"/redfish/v1/Systems/Self","status":412,"reply":{"error":{"message":"first"}}}
{"method":"PATCH","path":"/redfish/v1/Systems/Self","status":400,"times":1,"reply":{"error":{"message":"PropertyNotWritable"}}}
{"note":"between"}
{"method":"GET","path":"/redfish/v1/Managers/9","tookMs":38000,"status":200,"reply":{"Id":"9"}})"));
  wear(std::move(one));
  EXPECT_EQ(ask("PATCH", system, "{}").status, 412);
  EXPECT_THAT(ask("PATCH", system, "{}").body, HasSubstr("PropertyNotWritable"));
  EXPECT_EQ(ask("PATCH", system, "{}").status, 400);
  EXPECT_EQ(get("/redfish/v1/Managers/9").at("Id"), "9");
  EXPECT_FALSE(RecordedTree().add_lines("no json"));
}

TEST(PersonalityFiles, EachFactNeedsASourceAndEachNameMustExist) {
  EXPECT_TRUE(parse_personality(
      R"({"name":"a","faults":{"redirect_308":"seen"},"options":{"maxSessions":{"value":4,"source":"seen"}}})"));
  for (const char* wrong :
       {R"({"name":"a","faults":{"redirect_308":""}})", R"({"name":"a","faults":{"no_such":"seen"}})",
        R"({"name":"a","options":{"maxSessions":4}})", R"({"name":"a","colour":{"x":"y"}})",
        R"({"faults":{}})"})
    EXPECT_FALSE(parse_personality(wrong)) << wrong;
}

}  // namespace
}  // namespace metalmesh::bmcsim
