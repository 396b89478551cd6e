// Rows of known peculiarities: which one fits, what is refused in one, and what a dialogue does by it; and
// the map, which is a hint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/bmc/talk.h"

namespace metalmesh::bmc {
namespace {

using testing::HasSubstr;

const std::string system_1 = "/redfish/v1/Systems/1";

config::BmcQuirks row(const std::string& name, const std::string& vendor, const std::string& model = "") {
  config::BmcQuirks out;
  out.set_name(name);
  out.mutable_match()->set_vendor(vendor);
  out.mutable_match()->set_model(model);
  return out;
}

TEST(Quirks, TheRowWithTheMostConditionsWins) {
  QuirkTable table;
  ASSERT_TRUE(table.add(row("acme", "acme"), QuirkOrigin::built_in));
  ASSERT_TRUE(table.add(row("acme-9", "Acme", "R9*"), QuirkOrigin::built_in));
  EXPECT_EQ(table.match({.vendor = "ACME", .model = "R1"}).name(), "acme");
  EXPECT_EQ(table.match({.vendor = "ACME", .model = "R900"}).name(), "acme-9");
  EXPECT_EQ(table.match_root({.vendor = "ACME", .model = "R900"}).name(), "acme");
  EXPECT_EQ(table.match({.vendor = "other"}).name(), "");
}

TEST(Quirks, ARowNeedsSourcesAndConditionsAndCannotWeakenIdentity) {
  config::BmcQuirks label = row("x", "Acme");
  label.set_label(config::BmcQuirks::SKU);
  EXPECT_THAT(check_quirks(label, QuirkOrigin::built_in).value_or(""), HasSubstr("sources"));
  (*label.mutable_sources())["label"] = "a label that was read";
  EXPECT_FALSE(check_quirks(label, QuirkOrigin::built_in));
  EXPECT_THAT(check_quirks(label, QuirkOrigin::site).value_or(""), HasSubstr("label"));

  EXPECT_TRUE(check_quirks(row("everybody", ""), QuirkOrigin::site));
  config::BmcQuirks late = row("late", "Acme", "R1");
  late.set_basic_login(true);
  (*late.mutable_sources())["basicLogin"] = "seen";
  EXPECT_TRUE(check_quirks(late, QuirkOrigin::site)) << "a login is over by the time the model is known";
  config::BmcQuirks domain = row("d", "Acme");
  domain.set_login_domain("Acme=Local\"}");
  (*domain.mutable_sources())["loginDomain"] = "seen";
  EXPECT_THAT(check_quirks(domain, QuirkOrigin::site).value_or(""), HasSubstr("loginDomain"));
  config::BmcQuirks enables = row("e", "Acme");
  enables.set_enable_media("/Actions/Manager.ResetToDefaults");
  (*enables.mutable_sources())["enableMedia"] = "seen";
  EXPECT_THAT(check_quirks(enables, QuirkOrigin::site).value_or(""), HasSubstr("enableMedia"))
      << "no action of the standard can be called by a row";
  config::BmcQuirks shows = row("s", "Acme");
  (*shows.mutable_sources())["screen"] = "seen";
  shows.mutable_screen()->set_picture("Picture");
  for (const auto& [action, right] : std::map<std::string, bool>{{"/Actions/Manager.ResetToDefaults", false},
                                                                 {"/Oem/../Actions/Manager.Reset", false},
                                                                 {"/Oem/Acme/Actions/A.Show", true}}) {
    shows.mutable_screen()->set_action(action);
    EXPECT_EQ(!check_quirks(shows, QuirkOrigin::site), right) << action;
  }
  config::BmcQuirks target = row("t", "Acme");
  target.set_boot_target("Hdd");
  (*target.mutable_sources())["bootTarget"] = "seen";
  EXPECT_TRUE(check_quirks(target, QuirkOrigin::site)) << "nothing but what stands for a CD";
}

TEST(Quirks, WhereTheSkuIsOnTheLabelAnOrderByItsLabelIsTheRightMachine) {
  QuirkTable table;
  config::BmcQuirks dell = row("dell", "Dell");
  dell.set_label(config::BmcQuirks::SKU);
  (*dell.mutable_sources())["label"] = "recorded";
  ASSERT_TRUE(table.add(dell, QuirkOrigin::built_in));
  Talk talk(redfish::Identity{Talk::uuid, "F54P1G3", {}, {}});
  talk.tree["/redfish/v1/"].insert(1, R"("Vendor":"Dell",)");
  talk.tree[system_1] = Talk::system("1", Talk::uuid, "CNIVC0014M0388", R"(,"SKU":"F54P1G3")");
  EXPECT_FALSE(talk.identify()) << "unless it is known to be so, a SKU names a model";
  talk.begin({&table, nullptr});
  EXPECT_TRUE(talk.identify());
  EXPECT_EQ(redfish::to_wire(talk.dialogue.identity()).serial(), "F54P1G3");
}

TEST(Quirks, TheBootTargetThatIsKnownToBootVirtualMediaIsAskedForWhereItIsOffered) {
  QuirkTable table;
  config::BmcQuirks x12 = row("x12", "Supermicro");
  x12.set_boot_target("UsbCd");
  (*x12.mutable_sources())["bootTarget"] = "recorded";
  ASSERT_TRUE(table.add(x12, QuirkOrigin::built_in));
  Talk talk;
  talk.tree["/redfish/v1/"].insert(1, R"("Vendor":"Supermicro",)");
  talk.begin({&table, nullptr});
  ASSERT_TRUE(talk.identify());
  redfish::System system = *talk.dialogue.system();
  system.boot.targets = {"Cd", "UsbCd"};
  EXPECT_EQ(redfish::cd_target(system.boot), "UsbCd");
  system.boot.targets = {"Cd"};
  EXPECT_EQ(redfish::cd_target(system.boot), "Cd") << "what is advertised wins";
}

TEST(Quirks, AnOverrideThatStaysAndAnEjectWithoutABodyAreKnownByTheirRow) {
  QuirkTable table;
  config::BmcQuirks odd = row("odd", "Odd");
  odd.set_boot_continuous(true);
  odd.set_eject_without_body(true);
  EXPECT_THAT(check_quirks(odd, QuirkOrigin::site).value_or(""), HasSubstr("bootContinuous"));
  (*odd.mutable_sources())["bootContinuous"] = (*odd.mutable_sources())["ejectWithoutBody"] = "seen";
  ASSERT_TRUE(table.add(odd, QuirkOrigin::site));
  Talk talk;
  talk.tree[system_1].replace(talk.tree[system_1].find(R"("Disabled")"), 10,
                              R"("Continuous","BootSourceOverrideTarget":"Cd")");
  ASSERT_TRUE(talk.identify());
  EXPECT_FALSE(redfish::boots_our_cd(talk.dialogue.system()->boot)) << "by nobody's order";
  EXPECT_EQ(talk.dialogue.eject_form(), redfish::EjectForm::object);
  talk.tree["/redfish/v1/"].insert(1, R"("Vendor":"Odd",)");
  talk.begin({&table, nullptr});
  ASSERT_TRUE(talk.identify());
  EXPECT_TRUE(redfish::boots_our_cd(talk.dialogue.system()->boot));
  EXPECT_EQ(talk.dialogue.eject_form(), redfish::EjectForm::bare);
}

class InSettings : public testing::Test {
 protected:
  InSettings() {
    talk.tree[system_1] =
        Talk::system("1", Talk::uuid, Talk::serial,
                     R"(,"@Redfish.Settings":{"SettingsObject":{"@odata.id":")" + settings + "\"}}");
    talk.tree[settings] =
        R"({"Boot":{"BootSourceOverrideEnabled":"Disabled","BootSourceOverrideTarget":"None"}})";
    talk.behaves["PATCH " + system_1] = [](const auto&) { return Talk::words(400, "PropertyNotWritable"); };
    talk.behaves["PATCH " + settings] = [&](const auto&) {
      talk.tree[settings] =
          R"({"Boot":{"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"Cd"}})";
      return Talk::reply(204);
    };
  }
  const redfish::System* look() {
    return talk.ask([&](Turn& turn) { return talk.dialogue.look(turn) ? Verdict::done : Verdict::busy; })
               ? &*talk.dialogue.system()
               : nullptr;
  }
  const std::string settings = system_1 + "/SD";
  Talk talk;
};

TEST_F(InSettings, AnOverrideThatIsNotWritableInTheSystemIsSetAndReadWhereItSaysSo) {
  ASSERT_TRUE(talk.identify());
  auto answer = talk.act(Ask::boot, redfish::boot_once(*talk.dialogue.system(), false, {}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, Answer::Kind::unsent) << "to be asked again, elsewhere";
  const redfish::System* system = look();
  ASSERT_TRUE(system);
  answer = talk.act(Ask::boot, redfish::boot_once(*system, false, {}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, Answer::Kind::accepted);
  ASSERT_TRUE(look());
  EXPECT_TRUE(redfish::boots_our_cd(talk.dialogue.system()->boot));
  EXPECT_EQ(talk.times("PATCH " + system_1), 1);
}

TEST_F(InSettings, ARefusalForGoodIsTriedOnceWhereTheSettingsHaveNoOverride) {
  talk.tree[settings] = R"({"Boot":{"BootOrder":["a"]}})";
  ASSERT_TRUE(talk.identify());
  ASSERT_TRUE(talk.act(Ask::boot, redfish::boot_once(*talk.dialogue.system(), false, {})));
  ASSERT_TRUE(look());
  EXPECT_EQ(redfish::boot_once(*talk.dialogue.system(), false, {}).path, system_1);
}

class Mapped : public testing::Test {
 protected:
  Mapped() {
    EXPECT_TRUE(talk.identify() && talk.find_slots());
    map = talk.dialogue.draw_map();
    EXPECT_TRUE(talk.close());
    talk.asked.clear();
    talk.begin({nullptr, &map});
  }
  Talk talk;
  record::BmcMap map;
};

TEST_F(Mapped, NothingIsFoundOutTwice) {
  EXPECT_TRUE(talk.identify() && talk.find_slots());
  EXPECT_THAT(talk.asked, testing::ElementsAre("POST /redfish/v1/SessionService/Sessions", "GET " + system_1,
                                               "GET " + system_1 + "/VirtualMedia/Cd"));
}

TEST_F(Mapped, SlotsThatHoldNoCdAreAskedForOnlyByWhoNeedsThem) {
  const std::string media = system_1 + "/VirtualMedia";
  talk.begin();
  talk.tree[media] = Talk::list({media + "/Usb", media + "/Cd"});
  std::string stick = Talk::slot(media + "/Usb");
  talk.tree[media + "/Usb"] = stick.replace(stick.find("[\"CD\"]"), 6, R"(["USBStick"])");
  ASSERT_TRUE(talk.identify() && talk.find_slots());
  map = talk.dialogue.draw_map();
  EXPECT_THAT(map.slots(), testing::ElementsAre(media + "/Cd"));
  talk.begin({nullptr, &map});
  ASSERT_TRUE(talk.ask([&](Turn& turn) {
    return talk.dialogue.connect(turn) == Verdict::done ? talk.dialogue.find_all_slots(turn) : Verdict::busy;
  }));
  EXPECT_EQ(talk.dialogue.slots().size(), 2U);
}

TEST_F(Mapped, ASystemThatMovedIsLookedForOnce) {
  talk.tree["/redfish/v1/Systems"] = Talk::list({"/redfish/v1/Systems/2"});
  talk.tree["/redfish/v1/Systems/2"] = Talk::system("2", Talk::uuid, Talk::serial);
  talk.tree.erase(system_1);
  ASSERT_TRUE(talk.identify()) << (talk.trouble ? talk.trouble->seen : "");
  EXPECT_EQ(talk.dialogue.system()->uri, "/redfish/v1/Systems/2");
  EXPECT_EQ(talk.times("GET /redfish/v1/"), 1);
  EXPECT_EQ(talk.times("POST /redfish/v1/SessionService/Sessions"), 1);
}

TEST_F(Mapped, AnotherMachineAtTheOldPathIsNoContradictionWhereTheRightOneIsThereToo) {
  talk.tree["/redfish/v1/Systems"] = Talk::list({system_1, "/redfish/v1/Systems/2"});
  talk.tree[system_1] = Talk::system("1", "00112233-4455-6677-8899-aabbccddeeff", "OTHER1");
  talk.tree["/redfish/v1/Systems/2"] = Talk::system("2", Talk::uuid, Talk::serial);
  ASSERT_TRUE(talk.identify()) << (talk.trouble ? talk.trouble->seen : "");
  EXPECT_EQ(talk.dialogue.system()->uri, "/redfish/v1/Systems/2");
  EXPECT_FALSE(talk.dialogue.contradicted());
}

TEST_F(Mapped, AnotherMachineAloneIsOne) {
  talk.tree[system_1] = Talk::system("1", "00112233-4455-6677-8899-aabbccddeeff", "OTHER1");
  EXPECT_FALSE(talk.identify());
  ASSERT_TRUE(talk.trouble);
  EXPECT_EQ(talk.trouble->code, wire::IDENTITY_MISMATCH);
  EXPECT_TRUE(talk.dialogue.contradicted());
}

TEST_F(Mapped, AnotherKeyDropsIt) {
  map.set_key_sha256("bb22");
  talk.begin({nullptr, &map});
  EXPECT_TRUE(talk.identify());
  EXPECT_EQ(talk.times("GET /redfish/v1/"), 1);
  EXPECT_EQ(talk.sessions.size(), 1U) << "the session that was just opened is the one in use";
}

TEST_F(Mapped, ASlotThatMovedIsLookedFor) {
  const std::string media = system_1 + "/VirtualMedia";
  talk.tree[media] = Talk::list({media + "/Usb"});
  talk.tree[media + "/Usb"] = Talk::slot(media + "/Usb");
  talk.tree.erase(media + "/Cd");
  ASSERT_TRUE(talk.identify() && talk.find_slots());
  ASSERT_EQ(talk.dialogue.slots().size(), 1U);
  EXPECT_EQ(talk.dialogue.slots().front().uri, media + "/Usb");
}

}  // namespace
}  // namespace metalmesh::bmc
