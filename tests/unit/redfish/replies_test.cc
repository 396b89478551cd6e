#include <gtest/gtest.h>

#include "agents/redfish/error_info.h"
#include "agents/redfish/json_view.h"
#include "agents/redfish/media_slot.h"
#include "agents/redfish/requests.h"
#include "agents/redfish/resources.h"
#include "common/base/random.h"
#include "common/text/utf8.h"

namespace metalmesh::redfish {
namespace {

HttpReplied reply(int status, std::string body, Headers headers = {}) {
  return {"", status, std::move(headers), std::move(body), ""};
}

TEST(Replies, WrongTypesAreEmptyNotFatal) {
  const auto system =
      parse_system(reply(200, R"({"UUID":7,"SerialNumber":["x"],"PowerState":null,"Boot":"no","Actions":[],
    "Links":{"ManagedBy":{"@odata.id":5}},"EthernetInterfaces":[],"@odata.id":{"a":1}})"));
  ASSERT_TRUE(system);
  EXPECT_EQ(system->identity.uuid, "7");
  EXPECT_EQ(system->identity.serial, "");
  EXPECT_FALSE(system->usable());
  EXPECT_TRUE(parse_list(reply(200, R"({"Members":null})"))->members.empty());
}

TEST(Replies, DepthAndSizeAreBounded) {
  EXPECT_FALSE(parse_system(reply(200, "{\"a\":" + std::string(5000, '[') + std::string(5000, ']') + "}")));
  EXPECT_FALSE(parse_system(reply(200, "{\"a\":\"" + std::string(2U << 20U, 'x') + "\"}")));
}

TEST(Replies, GarbageNeverThrows) {
  Random random(7);
  const std::string seed =
      R"({"@odata.id":"/redfish/v1/Systems/1","Boot":{"BootSourceOverrideEnabled":"Once"},"Members":[{"@odata.id":"/x"}]})";
  for (int i = 0; i < 20000; ++i) {
    std::string body = seed;
    for (int flips = 0; flips < 3; ++flips)
      body[random.below(body.size())] = static_cast<char>(random.below(256));
    const HttpReplied mangled = reply(200, body.substr(0, random.below(body.size() + 1)));
    (void)parse_service_root(mangled);
    (void)parse_system(mangled);
    (void)parse_slot(mangled);
    (void)parse_list(mangled);
    (void)parse_task(mangled);
    (void)parse_session(mangled);
    EXPECT_LE(parse_error(mangled.body).text().size(), 400U);
  }
}

TEST(Replies, LinksNeverLeaveTheBmc) {
  EXPECT_EQ(path_of("https://evil.example/redfish/v1/x"), "/redfish/v1/x");
  EXPECT_EQ(path_of("//evil.example/x"), "");
  EXPECT_EQ(path_of("/a b"), "");
  EXPECT_EQ(path_of("/a\r\nX-Auth-Token: t"), "");
  EXPECT_EQ(path_of("relative"), "");
}

TEST(Replies, SessionTokenFromHeaderOrBody) {
  const Session session = parse_session(
      reply(201, "{}", {{"x-auth-token", "abc"}, {"location", "https://10.0.0.1/redfish/v1/S/1"}}));
  EXPECT_EQ(session.token, "abc");
  EXPECT_EQ(session.uri, "/redfish/v1/S/1");
  EXPECT_EQ(parse_session(reply(200, R"({"Oem":{"Public":{"X-Auth-Token":"t"}},"@odata.id":"/s/2"})")).uri,
            "/s/2");
  EXPECT_EQ(parse_session(reply(200, R"({"error":{}})")).token, "");
}

struct TaskRow {
  int status;
  const char* body;
  Task::State state;
};
class Tasks : public testing::TestWithParam<TaskRow> {};
TEST_P(Tasks, State) {
  EXPECT_EQ(static_cast<int>(parse_task(reply(GetParam().status, GetParam().body)).state),
            static_cast<int>(GetParam().state));
}
INSTANTIATE_TEST_SUITE_P(
    All, Tasks,
    testing::Values(TaskRow{200, R"({"TaskState":"New"})", Task::State::running},
                    TaskRow{200, R"({"TaskState":"Waiting For Effect"})", Task::State::running},
                    TaskRow{200, R"({"TaskState":"Completed"})", Task::State::done},
                    TaskRow{200, R"({"TaskState":"Exception"})", Task::State::failed},
                    TaskRow{200, R"({"TaskState":"Killed"})", Task::State::failed},
                    TaskRow{200, R"({"TaskState":"Cancelled"})", Task::State::failed},
                    TaskRow{202, "", Task::State::running}, TaskRow{204, "", Task::State::done},
                    TaskRow{404, "", Task::State::done}, TaskRow{400, "{}", Task::State::failed}));

TEST(Errors, MeaningsAcrossVendors) {
  const auto meaning = [](int status, const std::string& id) {
    return classify(status,
                    parse_error(R"({"error":{"@Message.ExtendedInfo":[{"MessageId":")" + id + R"("}]}})"));
  };
  EXPECT_EQ(meaning(403, "iLO.2.15.LicenseKeyRequired"), Refusal::licence);
  EXPECT_EQ(meaning(403, "Base.1.12.PasswordChangeRequired"), Refusal::password_change);
  EXPECT_EQ(meaning(503, "Base.1.0.SessionLimitExceeded"), Refusal::sessions_full);
  EXPECT_EQ(meaning(503, "IDRAC.2.1.RAC0218"), Refusal::sessions_full);
  EXPECT_EQ(meaning(400, "IDRAC.2.1.SYS518"), Refusal::busy);
  EXPECT_EQ(meaning(400, "Base.1.5.ActionParameterMissing"), Refusal::missing_parameter);
  EXPECT_EQ(meaning(409, "x"), Refusal::conflict);
  EXPECT_EQ(meaning(412, "x"), Refusal::precondition);
  EXPECT_EQ(meaning(428, "x"), Refusal::precondition);
  EXPECT_EQ(meaning(401, "x"), Refusal::login);
  EXPECT_FALSE(parse_error("<html>denied</html>").text().empty());
  EXPECT_TRUE(parse_error("").messages.empty());
}

TEST(Errors, AreValidTextHoweverTheyAreCut) {
  const std::string latin = "<html>Zugriff verweigert f\xFCr " + std::string(500, '\xE9');
  std::string umlauts;
  while (umlauts.size() < 500) umlauts += "\xC3\xBC";
  for (const std::string& body :
       {latin, umlauts, "x" + umlauts, R"({"error":{"message":")" + umlauts + "\"}}",
        R"({"error":{"@Message.ExtendedInfo":[{"Message":")" + latin + "\"}]}}"}) {
    const std::string text = parse_error(body).text();
    EXPECT_EQ(text, valid_utf8(text)) << body;
    EXPECT_LE(text.size(), 403U);
    EXPECT_FALSE(text.empty());
  }
}

TEST(Errors, AreReadFromOneObjectToo) {
  const auto error = parse_error(
      R"({"error":{"@Message.ExtendedInfo":{"MessageId":"Base.1.0.PropertyNotWritable","Message":"not writable"}}})");
  EXPECT_EQ(error.text(), "not writable (PropertyNotWritable)");
  EXPECT_EQ(classify(400, error), Refusal::for_good);
}

TEST(Errors, DamagedJsonNamesTheByte) {
  const auto damaged = Document::parse_object(R"({"a":"W/"1""})");
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().message, "invalid JSON at byte 9");
  EXPECT_FALSE(Document::parse_object(R"({"a":1)"));
  EXPECT_FALSE(Document::parse_object(R"({"a":1} x)"));
}

TEST(Requests, ASlotWithoutActionsIsEmptiedByWritingIt) {
  Slot slot;
  slot.uri = "/redfish/v1/Managers/1/VirtualMedia/Remote1";
  slot.id = "Remote1";
  EXPECT_EQ(eject_media(slot, {}).method, "PATCH");
  EXPECT_EQ(eject_media(slot, {}).path, slot.uri);
}

TEST(Requests, SecretsArePlaceholders) {
  const Request request = login("/redfish/v1/SessionService/Sessions");
  EXPECT_TRUE(request.login);
  EXPECT_EQ(request.body, R"({"UserName":"@@METALMESH-USER@@","Password":"@@METALMESH-PASSWORD@@"})");
}

TEST(Requests, InsertGivesOnlyWhatIsNeeded) {
  Slot slot;
  slot.uri = "/s/1";
  slot.insert_target = "/s/1/Actions/VirtualMedia.InsertMedia";
  EXPECT_EQ(insert_media(slot, "https://h/m/a.iso", {}, std::nullopt).body,
            R"({"Image":"https://h/m/a.iso"})");
  EXPECT_NE(insert_media(slot, "https://h/m/a.iso", {.protocol = true}, std::nullopt)
                .body.find(R"("TransferProtocolType":"HTTPS")"),
            std::string::npos);
  slot.insert_target.clear();
  slot.id = "EXT1";
  EXPECT_EQ(insert_media(slot, "http://h/m/a.iso", {}, "\"e\"").method, "PATCH");
}

TEST(Requests, IfMatchLadder) {
  using Steps = std::vector<std::optional<std::string>>;
  EXPECT_EQ(if_match_ladder(""), (Steps{std::nullopt, "*"}));
  EXPECT_EQ(if_match_ladder("W/\"1\""), (Steps{"W/\"1\"", "\"1\"", "1", "*", std::nullopt}));
}

TEST(Requests, ResetPrefersWhatIsAllowed) {
  EXPECT_EQ(pick_reset({"/t", {"ForceOn", "ForceOff"}, ""}, {"On", "ForceOn"}), "ForceOn");
  EXPECT_EQ(pick_reset({"/t", {}, ""}, {"On", "ForceOn"}), "On");
}

TEST(Requests, TheLightIsSetAsItIsTold) {
  const auto newer = parse_system(
      reply(200, R"({"@odata.id":"/s","LocationIndicatorActive":false,"IndicatorLED":"Blinking"})"));
  ASSERT_TRUE(newer);
  EXPECT_TRUE(newer->light.offered());
  EXPECT_FALSE(newer->light.on());
  EXPECT_EQ(set_light(*newer, true, std::nullopt).body, R"({"LocationIndicatorActive":true})");
  const auto older = parse_system(reply(200, R"({"@odata.id":"/s","IndicatorLED":"Blinking"})"));
  ASSERT_TRUE(older);
  EXPECT_TRUE(older->light.on());
  EXPECT_EQ(set_light(*older, false, "\"e\"").body, R"({"IndicatorLED":"Off"})");
  EXPECT_FALSE(parse_system(reply(200, R"({"IndicatorLED":"Unknown"})"))->light.offered());
  EXPECT_FALSE(
      parse_system(reply(200, R"({"IndicatorLED":null,"LocationIndicatorActive":null})"))->light.offered());
}

TEST(Requests, SetupIsRefusedOnlyWhereOtherTargetsAreListed) {
  Boot boot;
  EXPECT_FALSE(lacks_setup(boot));
  boot.targets = {"any of the targets that the manual names"};
  EXPECT_FALSE(lacks_setup(boot));
  boot.targets = {"None", "Pxe", "BiosSetup"};
  EXPECT_FALSE(lacks_setup(boot));
  boot.targets = {"None", "Pxe", "Cd"};
  EXPECT_TRUE(lacks_setup(boot));
  boot.enabled = "Continuous";
  boot.target = "BiosSetup";
  EXPECT_FALSE(boots_setup(boot));
  boot.enabled = "Once";
  EXPECT_TRUE(boots_setup(boot));
}

TEST(Replies, AManagerTellsHowItIsRestarted) {
  const auto manager = parse_manager(reply(200, R"({"@odata.id":"/m/1","Actions":{"#Manager.Reset":{
    "ResetType@Redfish.AllowableValues":["ForceRestart"]}}})"));
  ASSERT_TRUE(manager);
  EXPECT_EQ(manager->reset.target, "/m/1/Actions/Manager.Reset");
  EXPECT_EQ(manager->reset.allowed, std::vector<std::string>{"ForceRestart"});
  EXPECT_EQ(reset(manager->reset, "ForceRestart").path, "/m/1/Actions/Manager.Reset");
  EXPECT_TRUE(parse_manager(reply(200, R"({"@odata.id":"/m/1"})"))->reset.target.empty());
}

TEST(Slots, WhoseMediumItIs) {
  Slot slot;
  slot.inserted_flag = true;
  slot.image = "10.20.0.5:8443/M/K3J5.ISO";  // without scheme, upper case
  EXPECT_TRUE(shows_image(slot, "https://10.20.0.5:8443/m/k3j5.iso"));
  EXPECT_TRUE(shows_ours(slot, "https://10.20.0.5:8443"));
  EXPECT_FALSE(shows_image(slot, "https://10.20.0.5:8443/m/other.iso"));
  slot.image = "http://other/m/rescue.iso";
  EXPECT_FALSE(shows_ours(slot, "https://10.20.0.5:8443"));
  slot.image.clear();
  EXPECT_FALSE(shows_image(slot, "https://10.20.0.5:8443/m/k3j5.iso"));
}

}  // namespace
}  // namespace metalmesh::redfish
