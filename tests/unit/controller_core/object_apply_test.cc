// What apply takes and refuses, field by field.
#include <functional>

#include "controller/state/tables.h"
#include "controller/state/version_bounds.h"
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

/// A world with a site, a credential, an image, a profile and one server.
struct World : Mesh {
  World() {
    apply(site("par1"));
    apply(credential("bmc"));
    apply(image("rocky"));
    apply(profile("base"));
    apply(server_object("web1", "par1", 1));
  }
};

struct BadCase {
  const char* name;
  const char* field;
  ErrorKind kind;
  std::function<Object()> make;
};

template <class T>
Object with(T object, const std::function<void(T&)>& edit) {
  edit(object);
  return object;
}

rest::Server second() { return Mesh::server_object("web2", "par1", 2); }
Object bad_server(const std::function<void(rest::Server&)>& edit) {
  return with<rest::Server>(second(), edit);
}
Object bad_rollout(const std::function<void(rest::Rollout&)>& edit) {
  return with<rest::Rollout>(Mesh::rollout_object("r1"), edit);
}
Object bad_image(const std::function<void(rest::Image&)>& edit) {
  return with<rest::Image>(Mesh::image("i2"), edit);
}
Object bad_profile(const std::function<void(rest::Profile&)>& edit) {
  return with<rest::Profile>(Mesh::profile("p2"), edit);
}

const std::vector<BadCase>& bad_cases() {
  static const auto invalid = ErrorKind::invalid;
  static const std::vector<BadCase> cases = {
      {"name", "metadata.name", invalid, [] { return Object(Mesh::site("Par_1")); }},
      {"kind", "kind", invalid,
       [] { return with<rest::Site>(Mesh::site("x"), [](rest::Site& s) { s.set_kind("Server"); }); }},
      {"api", "apiVersion", invalid,
       [] { return with<rest::Site>(Mesh::site("x"), [](rest::Site& s) { s.set_api_version("v9"); }); }},
      {"tls", "spec.defaults.bmcTls", invalid,
       [] {
         return with<rest::Site>(Mesh::site("x"), [](rest::Site& s) {
           s.mutable_spec()->mutable_defaults()->set_bmc_tls("off");
         });
       }},
      {"media", "spec.media.address", invalid,
       [] {
         return with<rest::Site>(Mesh::site("x"), [](rest::Site& s) {
           s.mutable_spec()->mutable_media()->set_address("10.0.0.300:1");
         });
       }},
      {"credential site", "spec.site", ErrorKind::not_found,
       [] {
         return with<rest::Credential>(Mesh::credential("c"),
                                       [](rest::Credential& c) { c.mutable_spec()->set_site("nowhere"); });
       }},
      {"server site", "spec.site", ErrorKind::not_found,
       [] { return bad_server([](auto& s) { s.mutable_spec()->set_site("nowhere"); }); }},
      {"no site", "spec.site", invalid,
       [] { return bad_server([](auto& s) { s.mutable_spec()->clear_site(); }); }},
      {"no bmc", "spec.bmc.address", invalid,
       [] { return bad_server([](auto& s) { s.mutable_spec()->mutable_bmc()->clear_address(); }); }},
      {"bmc port", "spec.bmc.address", invalid,
       [] {
         return bad_server([](auto& s) { s.mutable_spec()->mutable_bmc()->set_address("10.0.0.9:99999"); });
       }},
      {"credential", "spec.bmc.credential", ErrorKind::not_found,
       [] { return bad_server([](auto& s) { s.mutable_spec()->mutable_bmc()->set_credential("none"); }); }},
      {"no credential", "spec.bmc.credential", invalid,
       [] { return bad_server([](auto& s) { s.mutable_spec()->mutable_bmc()->clear_credential(); }); }},
      {"key", "spec.bmc.keySha256", invalid,
       [] { return bad_server([](auto& s) { s.mutable_spec()->mutable_bmc()->set_key_sha256("abc"); }); }},
      {"uuid default", "spec.identity.uuid", invalid,
       [] {
         return bad_server([](auto& s) {
           s.mutable_spec()->mutable_identity()->set_uuid("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF");
         });
       }},
      {"serial default", "spec.identity.serial", invalid,
       [] {
         return bad_server(
             [](auto& s) { s.mutable_spec()->mutable_identity()->set_serial("To be filled by O.E.M."); });
       }},
      {"mac", "spec.identity.macs[0]", invalid,
       [] { return bad_server([](auto& s) { s.mutable_spec()->mutable_identity()->add_macs("b4:7a"); }); }},
      {"hostname", "spec.hostname", invalid,
       [] { return bad_server([](auto& s) { s.mutable_spec()->set_hostname("web 2"); }); }},
      {"vars", "spec.vars", invalid,
       [] { return bad_server([](auto& s) { (*s.mutable_spec()->mutable_vars())["a b"] = "x"; }); }},
      {"vars size", "spec.vars", invalid,
       [] {
         return bad_server(
             [](auto& s) { (*s.mutable_spec()->mutable_vars())["a"] = std::string(9000, 'x'); });
       }},
      {"reserved variable of ours", "spec.vars.hostname", invalid,
       [] { return bad_server([](auto& s) { (*s.mutable_spec()->mutable_vars())["hostname"] = "web9"; }); }},
      {"reserved variable that is offered", "spec.vars.callback_url", invalid,
       [] {
         return bad_profile([](auto& p) { (*p.mutable_spec()->mutable_vars())["callback_url"] = "x"; });
       }},
      {"reserved variable of a rollout", "spec.vars.host", invalid,
       [] { return bad_rollout([](auto& r) { (*r.mutable_spec()->mutable_vars())["host"] = "x"; }); }},
      {"same bmc", "spec.bmc.address", ErrorKind::conflict,
       [] {
         return bad_server([](auto& s) { s.mutable_spec()->mutable_bmc()->set_address("10.0.0.2:443"); });
       }},
      {"same uuid", "spec.identity.uuid", ErrorKind::conflict,
       [] {
         return bad_server([](auto& s) {
           s.mutable_spec()->mutable_identity()->set_uuid("{" + bmc_report(1).identity().uuid() + "}");
         });
       }},
      {"same serial", "spec.identity.serial", ErrorKind::conflict,
       [] {
         return bad_server([](auto& s) {
           s.mutable_spec()->mutable_identity()->set_serial(" " + bmc_report(1).identity().serial());
         });
       }},
      {"sha", "spec.iso.sha256", invalid,
       [] { return bad_image([](auto& i) { i.mutable_spec()->mutable_iso()->set_sha256("zz"); }); }},
      {"url", "spec.iso.urls[0]", invalid,
       [] { return bad_image([](auto& i) { i.mutable_spec()->mutable_iso()->set_urls(0, "ftp://x/y"); }); }},
      {"arch", "spec.arch", invalid,
       [] { return bad_image([](auto& i) { i.mutable_spec()->set_arch("vax"); }); }},
      {"host", "spec.host.network.links[0].addresses[0]", invalid,
       [] {
         return bad_profile([](auto& p) {
           wire::Link& link = *p.mutable_spec()->mutable_host()->mutable_network()->add_links();
           link.set_name("eno1");
           link.add_addresses("10.0.0.300/24");
         });
       }},
      {"template file", "spec.template.file", invalid,
       [] {
         return bad_profile([](auto& p) {
           p.mutable_spec()->mutable_template_()->clear_inline_();
           p.mutable_spec()->mutable_template_()->set_file("rocky.ks");
         });
       }},
      {"proof", "spec.proof.minimum", invalid,
       [] { return bad_profile([](auto& p) { p.mutable_spec()->mutable_proof()->set_minimum("hope"); }); }},
      {"reach", "spec.proof.port", invalid,
       [] {
         return bad_profile([](auto& p) { p.mutable_spec()->mutable_proof()->set_minimum("reachable"); });
       }},
      {"max run", "spec.maxRun", invalid,
       [] { return bad_profile([](auto& p) { p.mutable_spec()->mutable_max_run()->set_seconds(0); }); }},
      {"action", "spec.action", ErrorKind::unsupported,
       [] { return bad_rollout([](auto& r) { r.mutable_spec()->set_action("wipe"); }); }},
      {"selection", "spec.select", invalid,
       [] { return bad_rollout([](auto& r) { r.mutable_spec()->clear_select(); }); }},
      {"image", "spec.image", ErrorKind::not_found,
       [] { return bad_rollout([](auto& r) { r.mutable_spec()->set_image("none"); }); }},
      {"profile", "spec.profile", ErrorKind::not_found,
       [] { return bad_rollout([](auto& r) { r.mutable_spec()->set_profile("base@9"); }); }},
      {"power", "spec.poweredOn", invalid,
       [] { return bad_rollout([](auto& r) { r.mutable_spec()->set_powered_on("yes"); }); }},
      {"share", "spec.stopAfter.afterWipe", invalid,
       [] {
         return bad_rollout([](auto& r) { r.mutable_spec()->mutable_stop_after()->set_after_wipe("many"); });
       }},
      {"offline", "spec.offlineStartWithin", invalid,
       [] { return bad_rollout([](auto& r) { r.mutable_spec()->set_offline("startUntil"); }); }},
      {"start within", "spec.startWithin", invalid,
       [] {
         return bad_rollout([](auto& r) { r.mutable_spec()->mutable_start_within()->set_seconds(-1); });
       }},
  };
  return cases;
}

TEST(ObjectApply, EveryRefusalNamesItsField) {
  World world;
  for (const BadCase& bad : bad_cases()) {
    const auto before = world.store.rows().size();
    const auto result = world.ask(Apply{bad.make(), std::nullopt});
    ASSERT_FALSE(result.has_value()) << bad.name;
    EXPECT_EQ(result.error().field, bad.field) << bad.name << ": " << result.error().message;
    EXPECT_EQ(result.error().kind, bad.kind) << bad.name << ": " << result.error().message;
    EXPECT_FALSE(result.error().message.empty()) << bad.name;
    EXPECT_EQ(world.store.rows().size(), before + 1) << bad.name << ": only the audit line";
  }
}

TEST(ObjectApply, ADuplicateNamesTheOtherServer) {
  World world;
  auto object = second();
  object.mutable_spec()->mutable_bmc()->set_address("10.0.0.2");
  const auto result = world.ask(Apply{object, std::nullopt});
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().message.find("web1"), std::string::npos);
}

TEST(ObjectApply, UnchangedKeepsItsVersionAndChangedRaisesIt) {
  World world;
  EXPECT_TRUE(world.must(Apply{Mesh::site("lyo1"), std::nullopt}).created);
  EXPECT_FALSE(world.must(Apply{Mesh::site("lyo1"), std::nullopt}).created);
  EXPECT_EQ(world.state().sites.at("lyo1").metadata().version(), 1U);
  auto changed = Mesh::site("lyo1");
  changed.mutable_spec()->mutable_limits()->set_parallel(3);
  const Answer answer = world.must(Apply{changed, 1});
  EXPECT_EQ(std::get<rest::Site>(std::get<Object>(answer.object)).metadata().version(), 2U);
  const auto stale = world.ask(Apply{Mesh::site("lyo1"), 1});
  ASSERT_FALSE(stale.has_value());
  EXPECT_EQ(stale.error().kind, ErrorKind::conflict);
  EXPECT_FALSE(world.ask(Apply{Mesh::site("lyo1"), 0}).has_value());
}

TEST(ObjectApply, StatusOfTheRequestIsIgnored) {
  World world;
  auto object = second();
  object.mutable_status()->set_phase("ready");
  object.mutable_metadata()->set_version(99);
  world.apply(object);
  EXPECT_EQ(world.server("web2").status().phase(), "registered");
  EXPECT_EQ(world.server("web2").metadata().version(), 1U);
}

TEST(ObjectApply, DefaultsAreFilled) {
  World world;
  world.apply(Mesh::rollout_object("r1"));
  const auto& spec = world.rollout("r1").spec();
  EXPECT_EQ(spec.action(), "install");
  EXPECT_EQ(spec.powered_on(), "refuse");
  EXPECT_EQ(spec.parallel().per_site(), 10U);
  EXPECT_EQ(spec.parallel().total(), 200U);
  EXPECT_EQ(spec.start_within().seconds(), 4 * 3600);
  EXPECT_EQ(spec.offline(), "finish");
  EXPECT_EQ(world.state().sites.at("par1").spec().defaults().bmc_tls(), "pin");
  EXPECT_EQ(world.state().profiles.at("base").spec().proof().minimum(), "booted");
}

TEST(ObjectApply, EachProfileChangeIsAVersionThatStays) {
  World world;
  auto changed = Mesh::profile("base");
  changed.mutable_spec()->mutable_template_()->set_inline_("other");
  world.apply(changed);
  EXPECT_EQ(world.state().profiles.at("base").metadata().version(), 2U);
  EXPECT_EQ(world.state().profile_versions.at("base@1").spec().template_().inline_(), "")
      << "it is in its row";
  EXPECT_NE(world.state().profile_blobs.at("base@1"), world.state().profile_blobs.at("base@2"));
  const auto blobs = world.state().profile_blobs;
  world.restart();
  EXPECT_EQ(world.state().profile_blobs, blobs);
  world.must(Delete{"Profile", "base", std::nullopt});
  world.apply(changed);
  EXPECT_EQ(world.state().profiles.at("base").metadata().version(), 3U)
      << "a version number never means two things";
}

TEST(ObjectApply, VersionsOfADeletedProfileAreHistory) {
  World world;
  world.must(Delete{"Profile", "base", std::nullopt});
  auto rollout = Mesh::rollout_object("r1");
  rollout.mutable_spec()->set_profile("base@1");
  const auto refused = world.ask(Apply{rollout, std::nullopt});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "spec.profile");
  EXPECT_NE(refused.error().message.find("\"base\" was deleted"), std::string::npos);
  world.apply(Mesh::profile("base"));
  rollout.mutable_spec()->set_profile("base@2");
  world.apply(rollout);
}

rest::Profile base_with(const std::string& text) {
  auto profile = Mesh::profile("base");
  profile.mutable_spec()->mutable_template_()->set_inline_(text);
  return profile;
}

/// As many rows as there are below a table.
std::size_t rows_below(World& world, std::string_view table) {
  return world.store.scan(table, tables::end_of(table), 100'000).value().size();
}

TEST(ObjectApply, OldVersionsOfAProfileGoWithWhatAgentsFetchOfThem) {
  World world;
  const std::size_t blobs = rows_below(world, tables::blobs);
  for (std::size_t i = 0; i < versions_of_a_profile + 40; ++i)
    world.apply(base_with("text " + std::to_string(i)));
  const auto& versions = world.state().profile_versions;
  EXPECT_EQ(versions.size(), versions_of_a_profile);
  EXPECT_TRUE(versions.contains("base@73"));
  EXPECT_TRUE(versions.contains("base@42"));
  EXPECT_FALSE(versions.contains("base@41"));
  EXPECT_EQ(rows_below(world, tables::versions), versions_of_a_profile);
  EXPECT_EQ(rows_below(world, tables::blobs), blobs - 1 + versions_of_a_profile);
  world.restart();
  EXPECT_EQ(world.state().profile_versions.size(), versions_of_a_profile);
  auto rollout = Mesh::rollout_object("r1");
  rollout.mutable_spec()->set_profile("base@41");
  const auto refused = world.ask(Apply{rollout, std::nullopt});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("the last 32 versions"), std::string::npos)
      << refused.error().message;
}

TEST(ObjectApply, AVersionThatARolloutPinsStaysUntilItIsGone) {
  World world;
  auto rollout = Mesh::rollout_object("r1");
  rollout.mutable_spec()->set_profile("base@1");
  world.apply(rollout);
  const std::string blob = world.state().profile_blobs.at("base@1");
  const auto churn = [&](const std::string& word) {
    for (std::size_t i = 0; i <= versions_of_a_profile; ++i) world.apply(base_with(word + std::to_string(i)));
  };
  churn("a");
  EXPECT_TRUE(world.state().profile_versions.contains("base@1"));
  EXPECT_TRUE(world.store.find(tables::row(tables::blobs, blob)));
  world.must(Delete{"Rollout", "r1", std::nullopt});
  world.apply(Mesh::profile("base"));  // the same template once more
  EXPECT_FALSE(world.state().profile_versions.contains("base@1"));
  EXPECT_TRUE(world.store.find(tables::row(tables::blobs, blob))) << "the newest needs it";
  churn("b");
  EXPECT_FALSE(world.store.find(tables::row(tables::blobs, blob)));
}

TEST(ObjectApply, ANearlyFullDiskTakesNothingThatGrowsAndStillShutsOut) {
  World world;
  rest::User thief;
  thief.mutable_metadata()->set_name("thief");
  thief.mutable_spec()->set_role("operator");
  world.apply(thief);
  world.give(DiskLevel{true, 1});
  auto changed = Mesh::profile("base");
  changed.mutable_spec()->mutable_template_()->set_inline_("other");
  for (const Object& more : {Object(changed), Object(Mesh::profile("p2")), Object(second())}) {
    const auto refused = world.ask(Apply{more, std::nullopt});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::exhausted);
  }
  EXPECT_EQ(world.state().profile_versions.size(), 1U);
  thief.mutable_spec()->set_disabled(true);
  world.apply(thief);
  world.apply(Mesh::profile("base"));  // nothing new
  auto site = Mesh::site("par1");
  site.mutable_spec()->mutable_limits()->set_parallel(3);
  world.apply(site);
  world.must(Delete{"Image", "rocky", std::nullopt});
  world.give(DiskLevel{false, 1U << 30U});
  world.apply(changed);
}

TEST(ObjectApply, DeleteNamesWhoStillRefers) {
  World world;
  world.apply(Mesh::rollout_object("r1"));
  const std::vector<std::array<std::string, 3>> uses = {{"Site", "par1", "web1"},
                                                        {"Credential", "bmc", "web1"},
                                                        {"Image", "rocky", "r1"},
                                                        {"Profile", "base", "r1"}};
  for (const auto& [kind, name, user] : uses) {
    const auto result = world.ask(Delete{kind, name, std::nullopt});
    ASSERT_FALSE(result.has_value()) << kind;
    EXPECT_EQ(result.error().kind, ErrorKind::conflict);
    EXPECT_NE(result.error().message.find(user), std::string::npos) << result.error().message;
  }
  world.must(Delete{"Rollout", "r1", std::nullopt});
  world.must(Delete{"Image", "rocky", std::nullopt});
  EXPECT_EQ(world.ask(Delete{"Image", "rocky", std::nullopt}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(world.ask(Delete{"Toaster", "x", std::nullopt}).error().field, "kind");
}

TEST(ObjectApply, IdempotencyKeyRepeatsTheAnswerAndRefusesAnotherRequest) {
  World world;
  const auto first = world.ask(Apply{Mesh::site("lyo1"), std::nullopt}, "k1");
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(first->created);
  const auto events = world.state().last_event;
  for (int round = 0; round < 2; ++round) {
    const auto again = world.ask(Apply{Mesh::site("lyo1"), std::nullopt}, "k1");
    ASSERT_TRUE(again.has_value());
    EXPECT_TRUE(again->created);
    EXPECT_EQ(std::get<rest::Site>(std::get<Object>(again->object)).metadata().name(), "lyo1");
    EXPECT_EQ(world.state().last_event, events);
    const auto other = world.ask(Apply{Mesh::site("lyo2"), std::nullopt}, "k1");
    ASSERT_FALSE(other.has_value());
    EXPECT_EQ(other.error().kind, ErrorKind::conflict);
    world.restart();
  }
}

TEST(ObjectApply, ARepeatedKeyIsAnsweredWithTheObjectAsItIsByThen) {
  World world;
  ASSERT_TRUE(world.ask(Apply{Mesh::site("lyo1"), std::nullopt}, "k1"));
  rest::Site changed = Mesh::site("lyo1");
  (*changed.mutable_spec()->mutable_vars())["a"] = "b";
  world.must(Apply{changed, std::nullopt});
  const auto again = world.ask(Apply{Mesh::site("lyo1"), std::nullopt}, "k1");
  ASSERT_TRUE(again);
  EXPECT_EQ(std::get<rest::Site>(std::get<Object>(again->object)).metadata().version(), 2U);
  world.must(Delete{"Site", "lyo1", std::nullopt});
  const auto gone = world.ask(Apply{Mesh::site("lyo1"), std::nullopt}, "k1");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::conflict);
  EXPECT_NE(gone.error().message.find("Site lyo1 has been deleted since"), std::string::npos);
  EXPECT_FALSE(world.state().sites.contains("lyo1"));
}

TEST(ObjectApply, EverythingAPersonDoesIsAudited) {
  World world;
  world.ask(Delete{"Site", "nowhere", std::nullopt});
  const auto events = world.events();
  EXPECT_EQ(events.back().type(), "audit");
  EXPECT_EQ(events.back().actor(), "ann");
  EXPECT_NE(events.back().message().find("refused: delete"), std::string::npos);
  EXPECT_TRUE(world.logged("applied Server web1 (created)"));
  for (std::size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].number(), i + 1);
}

}  // namespace
}  // namespace metalmesh::testing
