// Faults come, change what they say they do, and go without a trace.
#include "tests/bmcsim/model/fault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/bmcsim/model/bmc_model.h"

namespace metalmesh::bmcsim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

struct Faults : testing::Test {
  BmcModel model{[] {
    BmcOptions options;
    options.uuid = "4c4c4544-0043-4a10-8052-b4c04f4d3232";
    options.serial = "SIM1";
    options.macs = {"B4:2E:99:00:00:01"};
    return options;
  }()};
  MonoTime now{1h};

  RedfishReply call(const std::string& method, const std::string& path, const std::string& body = {}) {
    return model.handle({method, path, {{"authorization", "Basic YWRtaW46cGFzc3dvcmQ="}}, body}, now);
  }
  RedfishReply get(const std::string& path) { return call("GET", path); }
  std::string system() { return get("/redfish/v1/Systems/1").body; }
  std::string slot() { return get("/redfish/v1/Systems/1/VirtualMedia/Cd").body; }
  int reset(const std::string& type) {
    return call("POST", std::string(reset_path), R"({"ResetType":")" + type + R"("})").status;
  }
  int patch(const std::string& path, const std::string& boot) {
    return call("PATCH", path, R"({"Boot":)" + boot + "}").status;
  }
  /// Everything that can be read.
  std::string tree() {
    std::string all;
    for (const char* path : {"", "/Systems", "/Systems/1", "/Systems/1/EthernetInterfaces",
                             "/Systems/1/VirtualMedia", "/Systems/1/VirtualMedia/Cd", "/Managers",
                             "/Managers/1", "/Chassis", "/Chassis/1", "/SessionService", "/TaskService"}) {
      const auto reply = get("/redfish/v1" + std::string(path));
      all += std::to_string(reply.status) + reply.body + "\n";
    }
    return all;
  }
};

TEST_F(Faults, EachSaysWhatItDoesAndWhoReportedIt) {
  std::set<std::string_view> names;
  for (const Fault* fault : all_faults()) {
    EXPECT_TRUE(names.insert(fault->name).second) << fault->name;
    EXPECT_FALSE(fault->does.empty()) << fault->name;
    EXPECT_FALSE(fault->source.empty()) << fault->name;
    EXPECT_TRUE(fault->knob || fault->instead || fault->alter) << fault->name;
  }
  EXPECT_FALSE(model.set_fault("no such fault"));
}

TEST_F(Faults, EachGoesWithoutATrace) {
  const std::string before = tree();
  for (const Fault* fault : all_faults()) {
    ASSERT_TRUE(model.set_fault(fault->name));
    tree();
    model.clear_fault(fault->name);
    EXPECT_EQ(tree(), before) << fault->name;
  }
}

TEST_F(Faults, ComeSeveralAtOnce) {
  model.set_fault("utf8_bom");
  model.set_fault("uuid_only");
  EXPECT_THAT(model.faults(), testing::ElementsAre("uuid_only", "utf8_bom"));
  EXPECT_THAT(system(), testing::StartsWith("\xef\xbb\xbf"));
  EXPECT_THAT(system(), Not(HasSubstr("SerialNumber")));
  model.clear_faults();
  EXPECT_THAT(model.faults(), testing::IsEmpty());
}

TEST_F(Faults, AreMetWhenTheyMadeADifference) {
  model.set_fault("boot_forgotten");
  model.set_fault("uuid_only");
  get("/redfish/v1/Managers/1");
  EXPECT_THAT(model.met(), testing::IsEmpty());
  system();
  EXPECT_THAT(model.met(), testing::ElementsAre("uuid_only"));
  patch("/redfish/v1/Systems/1", R"({"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"Cd"})");
  EXPECT_THAT(model.met(), testing::ElementsAre("boot_forgotten"));
}

TEST_F(Faults, BeginAnewWhenTheyAreSetAgain) {
  model.set_fault("systems_empty_at_first");
  EXPECT_THAT(get("/redfish/v1/Systems").body, HasSubstr(R"("Members":[])"));
  now += 30s;
  EXPECT_THAT(get("/redfish/v1/Systems").body, Not(HasSubstr(R"("Members":[])")));
  model.set_fault("systems_empty_at_first");
  EXPECT_THAT(get("/redfish/v1/Systems").body, HasSubstr(R"("Members":[])"));
}

TEST_F(Faults, AnOverrideInTheSettingsObjectReadsBackThere) {
  model.set_fault("boot_in_settings");
  constexpr char once[] = R"({"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"Cd"})";
  EXPECT_EQ(patch("/redfish/v1/Systems/1", once), 400);
  EXPECT_THAT(system(), HasSubstr(R"("SettingsObject":{"@odata.id":"/redfish/v1/Systems/1/Settings"})"));
  EXPECT_EQ(patch("/redfish/v1/Systems/1/Settings", once), 204);
  EXPECT_THAT(system(), HasSubstr(R"("BootSourceOverrideEnabled":"Disabled")"));
  EXPECT_THAT(get("/redfish/v1/Systems/1/Settings").body, HasSubstr(R"("BootSourceOverrideEnabled":"Once")"));
  EXPECT_EQ(model.host().boot_override(), "Once");
}

TEST_F(Faults, ASlowInsertIsInWhenItsTimeHasCome) {
  model.set_fault("insert_slow_75s");
  const auto insert = [&](const std::string& url) {
    return call("POST", "/redfish/v1/Systems/1/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia",
                R"({"Image":")" + url + R"("})");
  };
  EXPECT_EQ(insert("https://media/m/a.iso").status, 204);
  EXPECT_THAT(slot(), HasSubstr(R"("Inserted":false)"));
  now += 60s;
  EXPECT_EQ(insert("https://media/m/b.iso").status, 204);
  now += 15s;
  EXPECT_EQ(model.next_due(), now);
  model.advance(now);
  EXPECT_THAT(slot(), HasSubstr("a.iso"));
  now += 60s;
  model.advance(now);
  EXPECT_THAT(slot(), HasSubstr("b.iso")) << "the later one takes the place of the first";
}

TEST_F(Faults, APushOnTheButtonTogglesAndShowsLate) {
  model.set_fault("push_button_lag");
  EXPECT_EQ(reset("On"), 400);
  EXPECT_TRUE(call("POST", std::string(reset_path), R"({"ResetType":"PushPowerButton"})").drop);
  EXPECT_TRUE(model.host().on());
  EXPECT_THAT(system(), HasSubstr(R"("PowerState":"Off")"));
  now += 20s;
  model.advance(now);
  EXPECT_THAT(system(), HasSubstr(R"("PowerState":"On")"));
  EXPECT_EQ(reset("PushPowerButton"), 204);
  EXPECT_FALSE(model.host().on());
}

TEST_F(Faults, AHostWithoutPowerComesBackByItself) {
  reset("On");
  model.host().power_cut(now, 6s);
  EXPECT_FALSE(model.host().on());
  now += 6s;
  model.advance(now);
  EXPECT_TRUE(model.host().on());
}

TEST_F(Faults, AManagerThatIsToRestartIsAwayForAWhile) {
  constexpr char path[] = "/redfish/v1/Managers/1/Actions/Manager.Reset";
  EXPECT_EQ(call("POST", path, R"({"ResetType":"Nmi"})").status, 400);
  EXPECT_EQ(call("POST", path, R"({"ResetType":"GracefulRestart"})").status, 204);
  EXPECT_TRUE(get("/redfish/v1").drop);
  now += model.options().restart_time;
  EXPECT_EQ(get("/redfish/v1").status, 200);
}

TEST_F(Faults, AnAnswerToAManagerCanBeLostOrALie) {
  constexpr char path[] = "/redfish/v1/Managers/1/Actions/Manager.Reset";
  constexpr char restart[] = R"({"ResetType":"ForceRestart"})";
  model.add_fault({.op = Op::manager_reset,
                   .when = FaultRule::When::before,
                   .action = FaultRule::Action::status,
                   .status = 204});
  EXPECT_EQ(call("POST", path, restart).status, 204);
  EXPECT_EQ(get("/redfish/v1").status, 200) << "nothing happened";
  model.add_fault(
      {.op = Op::manager_reset, .when = FaultRule::When::after, .action = FaultRule::Action::drop});
  EXPECT_TRUE(call("POST", path, restart).drop);
  EXPECT_TRUE(get("/redfish/v1").drop) << "it happened";
}

TEST_F(Faults, TheLightAndSetupAreSetAndRead) {
  const auto set = [&](const std::string& body) {
    return call("PATCH", std::string(system_path), body).status;
  };
  EXPECT_EQ(set(R"({"LocationIndicatorActive":true})"), 204);
  EXPECT_THAT(system(), HasSubstr(R"("IndicatorLED":"Lit")"));
  EXPECT_EQ(set(R"({"IndicatorLED":"Off"})"), 204);
  EXPECT_THAT(system(), HasSubstr(R"("LocationIndicatorActive":false)"));
  EXPECT_EQ(patch(std::string(system_path),
                  R"({"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"BiosSetup"})"),
            204);
  EXPECT_THAT(system(), HasSubstr(R"("BootSourceOverrideTarget":"BiosSetup")"));
  EXPECT_EQ(model.host().boot_override(), "Disabled") << "no medium is booted by that";
  reset("On");
  EXPECT_THAT(system(), HasSubstr(R"("BootSourceOverrideEnabled":"Disabled")"));
}

}  // namespace
}  // namespace metalmesh::bmcsim
