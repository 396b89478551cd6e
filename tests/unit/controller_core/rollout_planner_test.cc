// Who is in a plan, who is not and why.
#include <array>

#include "common/families/family_catalogue.h"
#include "controller/core/actions/install_order.h"
#include "tests/unit/controller_core/planned.h"

namespace metalmesh::testing {
namespace {

TEST_F(Planned, TooWideASelectorWipesNothing) {
  for (int i = 0; i < 9; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  // s0 is installed, s1 protected, s2 powered on, s3 retired, s4 busy, s5 never inspected, s6 another
  // machine.
  auto first = Mesh::rollout_object("first");
  first.mutable_spec()->mutable_select()->add_servers("s0");
  mesh.start_rollout(first);
  agent.succeed("s0");
  mesh.must(ProtectServer{"s1", true, "live", 0});
  agent.bmcs["s2"].set_power("On");
  mesh.must(InspectServer{"s2"});
  agent.answer_inspections();
  mesh.must(RetireServer{"s3"});
  auto busy = Mesh::rollout_object("busy");
  busy.mutable_spec()->mutable_select()->add_servers("s4");
  mesh.start_rollout(busy);
  agent.cut = true;
  auto moved = Mesh::server_object("s5", "par1", 5);
  moved.mutable_spec()->mutable_bmc()->set_address("10.9.9.9");
  mesh.apply(moved);
  agent.cut = false;
  agent.bmcs["s6"] = bmc_report(66);
  mesh.must(InspectServer{"s6"});
  mesh.run_for(std::chrono::seconds(10));
  agent.bmcs.erase("s5");
  agent.bmcs["s5"].mutable_fault()->set_code(wire::BMC_UNREACHABLE);
  agent.answer_inspections();

  auto wide = Mesh::rollout_object("wide");
  wide.mutable_spec()->mutable_select()->add_exclude("s7");
  const rest::Plan frozen = plan(wide);
  const std::map<std::string, std::string> expected = {{"s0", "INSTALLED"},
                                                       {"s1", "PROTECTED"},
                                                       {"s2", "POWERED_ON"},
                                                       {"s3", "RETIRED"},
                                                       {"s4", "OPEN_DEPLOYMENT"},
                                                       {"s5", "NOT_READY"},
                                                       {"s6", "IDENTITY_INSUFFICIENT"},
                                                       {"s7", "EXCLUDED"}};
  EXPECT_EQ(reasons(frozen), expected);
  EXPECT_THAT(names(frozen), ::testing::ElementsAre("s8"));
  for (const auto& one : frozen.excluded()) EXPECT_FALSE(one.message().empty()) << one.name();
}

TEST_F(Planned, WhoseBmcIsInNoNetworkOfItsSiteStaysOut) {
  for (int i = 0; i < 2; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  rest::Site site = mesh.state().sites.at("par1");
  site.mutable_spec()->add_bmc_networks()->set_cidr(mesh.state().servers.at("s0").spec().bmc().address() +
                                                    "/32");
  mesh.apply(site);
  const rest::Plan frozen = plan(Mesh::rollout_object("r"));
  EXPECT_THAT(names(frozen), ::testing::ElementsAre("s0"));
  ASSERT_EQ(frozen.excluded_size(), 1);
  EXPECT_EQ(frozen.excluded(0).reason(), "BMC_NOT_ALLOWED");
  EXPECT_THAT(frozen.excluded(0).message(), ::testing::HasSubstr("spec.bmcNetworks of site par1"));
  site.mutable_spec()->mutable_bmc_networks(0)->set_cidr("10.20.0.7/24");
  EXPECT_EQ(mesh.ask(Apply{site, std::nullopt}).error().field, "spec.bmcNetworks");
}

TEST_F(Planned, APatternThatSparesNobodyIsRefused) {
  for (int i = 0; i < 3; ++i) mesh.add_ready("par1-n00" + std::to_string(i), agent, i);
  struct Case {
    const char* pattern;
    bool applied;  // only the mesh can tell that nobody has this name
  };
  for (const Case& c : std::vector<Case>{{"par1-n00[12]", false},
                                         {"PAR1-N001", false},
                                         {"par1-n001,par1-n002", false},
                                         {"par1-n001 ", false},
                                         {"role=db", false},
                                         {"", false},
                                         {"par1-n009", true},
                                         {"par2-*", true}}) {
    auto object = Mesh::rollout_object("r");
    object.mutable_spec()->mutable_select()->add_exclude("par1-n000");
    object.mutable_spec()->mutable_select()->add_exclude(c.pattern);
    auto result = mesh.ask(Apply{object, std::nullopt});
    EXPECT_EQ(result.has_value(), c.applied) << c.pattern;
    if (c.applied) result = mesh.ask(PlanRollout{"r"});
    ASSERT_FALSE(result.has_value()) << c.pattern;
    EXPECT_EQ(result.error().field, "spec.select.exclude[1]") << c.pattern;
    EXPECT_THAT(result.error().message, ::testing::HasSubstr('"' + std::string(c.pattern) + '"'));
  }
  auto object = Mesh::rollout_object("r");
  object.mutable_spec()->mutable_select()->add_sites("lyon 1");
  EXPECT_EQ(mesh.ask(Apply{object, std::nullopt}).error().field, "spec.select.sites[1]");
}

TEST_F(Planned, PatternsWithoutEffectAreTold) {
  for (int i = 0; i < 2; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  auto object = Mesh::rollout_object("r");
  object.mutable_spec()->mutable_select()->add_sites("lyon1");
  object.mutable_spec()->mutable_select()->add_servers("s0");
  object.mutable_spec()->mutable_select()->add_exclude("s1");
  const rest::Plan made = plan(object);
  EXPECT_THAT(names(made), ::testing::ElementsAre("s0"));
  EXPECT_THAT(made.warnings(), ::testing::Contains("select.sites: \"lyon1\" matches no site"));
  EXPECT_THAT(made.warnings(),
              ::testing::Contains("select.exclude: \"s1\" matches none of the selected servers"));
}

TEST_F(Planned, WhoIsNamedAndCutByLabelsIsTold) {
  for (int i = 0; i < 2; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  auto object = Mesh::rollout_object("r");
  object.mutable_spec()->mutable_select()->add_servers("s0");
  (*object.mutable_spec()->mutable_select()->mutable_labels())["role"] = "web";
  EXPECT_EQ(reasons(plan(object)), (std::map<std::string, std::string>{{"s0", "NOT_SELECTED"}}));
}

TEST_F(Planned, EveryRowSaysWhatTheServerHolds) {
  for (int i = 0; i < 2; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  auto first = Mesh::rollout_object("first");
  first.mutable_spec()->mutable_select()->add_servers("s0");
  mesh.start_rollout(first);
  agent.succeed("s0");
  const rest::Plan made = plan(Mesh::rollout_object("r"));
  ASSERT_EQ(made.excluded_size(), 1);
  EXPECT_THAT(made.excluded(0).holds(), ::testing::StartsWith("rocky since "));
  ASSERT_EQ(made.servers_size(), 1);
  EXPECT_EQ(made.servers(0).holds(), "empty");
}

TEST_F(Planned, WhatAPlanWantsToKnowIsToldFromWhatAPersonAsked) {
  mesh.add_ready("s0", agent, 0);
  agent.bmcs["s0"].set_power("On");
  mesh.must(InspectServer{"s0"});
  EXPECT_FALSE(agent.commands.back().inspect_server().planned());
  agent.answer_inspections();
  const std::size_t before = agent.commands.size();
  EXPECT_EQ(reasons(plan(Mesh::rollout_object("r")))["s0"], "POWERED_ON");
  ASSERT_EQ(agent.commands.size(), before + 1);
  EXPECT_TRUE(agent.commands.back().inspect_server().planned());
}

TEST_F(Planned, WhoCannotBeInstalledIsNotInIt) {
  for (int i = 0; i < 3; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  agent.bmcs["s0"].set_virtual_media(false);
  for (const char* on : {"s1", "s2"}) agent.bmcs[on].set_power("On");
  agent.bmcs["s1"].set_no_shutdown(true);
  const auto look = [&] {
    for (const char* server : {"s0", "s1", "s2"}) mesh.must(InspectServer{server});
    agent.answer_inspections();
  };
  look();
  auto graceful = Mesh::rollout_object("r");
  graceful.mutable_spec()->set_powered_on("graceful");
  const rest::Plan gentle = plan(graceful);
  EXPECT_EQ(reasons(gentle),
            (std::map<std::string, std::string>{{"s0", "NO_VIRTUAL_MEDIA"}, {"s1", "NO_SHUTDOWN"}}));
  for (const auto& one : gentle.excluded())
    EXPECT_THAT(one.message(), ::testing::HasSubstr("metalmesh inspect " + one.name()));
  EXPECT_THAT(names(gentle), ::testing::ElementsAre("s2"));
  auto force = Mesh::rollout_object("f");
  force.mutable_spec()->set_powered_on("force");
  EXPECT_THAT(names(plan(force)), ::testing::ElementsAre("s1", "s2"));
  // Somebody enables it, and shuts the other one down.
  agent.bmcs["s0"].set_virtual_media(true);
  agent.bmcs["s1"].set_power("Off");
  agent.answer_inspections();  // that planning asked for
  EXPECT_THAT(names(plan(graceful)), ::testing::ElementsAre("s0", "s1", "s2"));
}

TEST_F(Planned, ReinstallNeedsUnprotectToo) {
  mesh.add_ready("s0", agent, 0);
  mesh.start_rollout(Mesh::rollout_object("first"));
  agent.succeed("s0");
  auto again = Mesh::rollout_object("again");
  again.mutable_spec()->set_reinstall(true);
  EXPECT_EQ(reasons(plan(again))["s0"], "PROTECTED");
  mesh.must(ProtectServer{"s0", false, "CHG-1234", 60});
  EXPECT_THAT(names(plan(again)), ::testing::ElementsAre("s0"));
  mesh.run_for(std::chrono::seconds(70));
  EXPECT_EQ(reasons(plan(again))["s0"], "PROTECTED") << "an unprotect expires";
}

TEST_F(Planned, QuarantinedSiteAndUnknownNames) {
  mesh.add_ready("s0", agent, 0);
  auto object = Mesh::rollout_object("r");
  object.mutable_spec()->mutable_select()->add_servers("s0");
  object.mutable_spec()->mutable_select()->add_servers("ghost");
  EXPECT_EQ(reasons(plan(object))["ghost"], "UNKNOWN");
  wire::Data forged = agent.sent.front();
  forged.set_entries(0, "other history");
  agent.publish("data", forged);
  EXPECT_EQ(reasons(plan(object))["s0"], "SITE_UNKNOWN");
}

TEST_F(Planned, ReachableProofNeedsAnAddress) {
  mesh.add_ready("s0", agent, 0);
  auto profile = Mesh::profile("base");
  profile.mutable_spec()->mutable_proof()->set_minimum("reachable");
  profile.mutable_spec()->mutable_proof()->set_port(22);
  profile.mutable_spec()->mutable_proof()->set_host_var("address");
  mesh.apply(profile);
  EXPECT_EQ(reasons(plan(Mesh::rollout_object("r")))["s0"], "VARIABLE_MISSING");
  auto server = Mesh::server_object("s0", "par1", 0);
  (*server.mutable_spec()->mutable_vars())["address"] = "10.21.0.60";
  mesh.apply(server);
  EXPECT_EQ(plan(Mesh::rollout_object("r")).servers_size(), 1);
}

rest::Server with_address(rest::Server server, const char* address, const char* gateway) {
  wire::Link& link = *server.mutable_spec()->mutable_host()->mutable_network()->add_links();
  link.set_name("eno1");
  link.add_addresses(address);
  link.add_gateways(gateway);
  return server;
}

TEST_F(Planned, ACallbackCountsFromTheAddressesOfItsOrder) {
  mesh.add_ready("s0", agent, 0);
  auto profile = Mesh::profile("base");
  profile.mutable_spec()->mutable_proof()->set_minimum("callback");
  const auto callers = [&](const std::string& from) {
    profile.mutable_spec()->mutable_proof()->set_callback_from(from);
    rest::Server server = with_address(Mesh::server_object("s0", "par1", 0), "10.21.0.60/24", "10.21.0.1");
    const auto networks = callback_networks(profile.spec().proof(), server.spec().host());
    return std::vector<std::string>(networks.begin(), networks.end());
  };
  EXPECT_THAT(callers(""), ::testing::ElementsAre("10.21.0.60/32"));
  EXPECT_THAT(callers("subnet"), ::testing::ElementsAre("10.21.0.0/24"));
  EXPECT_THAT(callers("anywhere"), ::testing::IsEmpty());
  profile.mutable_spec()->mutable_proof()->set_callback_from("subnet");
  mesh.apply(profile);
  EXPECT_EQ(reasons(plan(Mesh::rollout_object("r")))["s0"], "CALLBACK_UNBOUND") << "it tells no address";
  mesh.apply(with_address(Mesh::server_object("s0", "par1", 0), "10.21.0.60/24", "10.21.0.1"));
  mesh.start_rollout(Mesh::rollout_object("r"));
  mesh.run_for(std::chrono::seconds(3));
  EXPECT_THAT(agent.last_order("s0")->agreed.install().proof().callers(),
              ::testing::ElementsAre("10.21.0.0/24"));
  profile.mutable_spec()->mutable_proof()->set_callback_from("home");
  EXPECT_EQ(mesh.ask(Apply{profile, std::nullopt}).error().field, "spec.proof.callbackFrom");
}

TEST_F(Planned, NoTwoServersOfASiteShareAnAddress) {
  for (int number : {0, 1, 2}) mesh.add_ready("s" + std::to_string(number), agent, number);
  mesh.apply(with_address(Mesh::server_object("s0", "par1", 0), "10.21.0.60/24", "10.21.0.1"));
  mesh.apply(with_address(Mesh::server_object("s1", "par1", 1), "10.21.0.61/24", "10.21.0.1"));
  mesh.apply(with_address(Mesh::server_object("s2", "par1", 2), "10.21.0.60/25", "10.21.0.1"));
  auto object = Mesh::rollout_object("r");
  object.mutable_spec()->mutable_select()->add_servers("s0");  // s2 is not even selected
  object.mutable_spec()->mutable_select()->add_servers("s1");
  const rest::Plan made = plan(object);
  EXPECT_EQ(reasons(made)["s0"], "ADDRESS_TAKEN");
  EXPECT_THAT(made.excluded(0).message(), ::testing::HasSubstr("10.21.0.60 is also that of s2"));
  EXPECT_THAT(names(made), ::testing::ElementsAre("s1"));
}

TEST_F(Planned, NoTwoServersShareAHostName) {
  for (int number : {0, 1, 2, 3}) mesh.add_ready("s" + std::to_string(number), agent, number);
  for (const auto& [number, name] :
       {std::pair{0, "web.example"}, {1, "Web.Example"}, {2, "db"}, {3, "db.example"}}) {
    rest::Server server = mesh.server("s" + std::to_string(number));
    server.mutable_spec()->set_hostname(name);
    mesh.apply(server);
  }
  mesh.run_for(std::chrono::seconds(2));
  auto object = Mesh::rollout_object("r");
  object.mutable_spec()->mutable_select()->add_servers("s0");  // s1 is not even selected
  object.mutable_spec()->mutable_select()->add_servers("s2");
  object.mutable_spec()->mutable_select()->add_servers("s3");
  const rest::Plan made = plan(object);
  EXPECT_EQ(reasons(made), (std::map<std::string, std::string>{{"s0", "HOSTNAME_TAKEN"}}));
  EXPECT_THAT(made.excluded(0).message(), ::testing::HasSubstr("web.example is also that of s1"));
}

TEST_F(Planned, WhatTheWholeHostGetsWrongExcludesTheServer) {
  mesh.add_ready("s0", agent, 0);
  mesh.apply(with_address(Mesh::server_object("s0", "par1", 0), "10.21.0.60/24", "10.21.0.1"));
  auto object = Mesh::rollout_object("r");
  EXPECT_EQ(plan(object).servers_size(), 1);
  auto profile = Mesh::profile("base");  // each part is small enough, the whole is not
  profile.mutable_spec()->mutable_host()->mutable_scripts()->set_pre(std::string(8000, 'a'));
  profile.mutable_spec()->mutable_host()->mutable_scripts()->set_post(std::string(8000, 'b'));
  mesh.apply(profile);
  wire::User& user = *object.mutable_spec()->mutable_host()->add_users();
  user.set_name("ops");
  for (int i = 0; i < 3; ++i) user.add_ssh_keys("ssh-rsa " + std::string(4000, "ABC"[i]));
  EXPECT_EQ(reasons(plan(object))["s0"], "HOST_INVALID");
}

TEST_F(Planned, WhatAFamilyCannotExpressExcludesTheServerInWords) {
  mesh.add_ready("s0", agent, 0);
  families::FamilyCatalogue catalogue;
  config::OsFamily own;
  own.set_name("rhel");
  own.add_files()->set_path("/ks.cfg");
  own.mutable_files(0)->set_format("kickstart");
  own.mutable_files(0)->set_main(true);
  ASSERT_TRUE(catalogue.add(own));
  const config::OsFamily& family = *catalogue.find("rhel");
  const auto tell = [&](const std::string& sha256) {
    wire::Event event;
    wire::FamilyRef& known = *event.mutable_families()->add_families();
    known.set_name(family.name());
    known.set_sha256(sha256);
    agent.report(event);
  };
  tell(families::family_sha256(family));
  mesh.limits.families = std::make_shared<const families::FamilyCatalogue>(catalogue);
  mesh.restart();
  mesh.run_for(std::chrono::seconds(8));
  auto profile = Mesh::profile("base");
  profile.mutable_spec()->mutable_template_()->set_inline_("name={{hostname}}\n");
  profile.mutable_spec()->mutable_host()->add_ntp("10.0.0.1");
  mesh.apply(profile);
  const rest::Plan made = plan(Mesh::rollout_object("r"));
  EXPECT_EQ(reasons(made)["s0"], "NOT_EXPRESSIBLE");
  EXPECT_THAT(made.excluded(0).message(), ::testing::HasSubstr("does not name host.ntp"));
  profile.mutable_spec()->clear_host();
  profile.mutable_spec()->set_verify_in_installer("ifReachable");
  mesh.apply(profile);
  const rest::Plan warned = plan(Mesh::rollout_object("r3"));
  ASSERT_EQ(warned.warnings_size(), 1);
  EXPECT_THAT(warned.warnings(0), ::testing::HasSubstr("1 cannot ask"));
  profile.mutable_spec()->set_verify_in_installer("require");
  mesh.apply(profile);
  const rest::Plan silent = plan(Mesh::rollout_object("r4"));
  EXPECT_EQ(reasons(silent)["s0"], "CANNOT_ASK");
  EXPECT_THAT(silent.excluded(0).message(), ::testing::HasSubstr("{{check.script}}"));
  profile.mutable_spec()->mutable_template_()->set_inline_("{{check.script}}\n");
  mesh.apply(profile);
  EXPECT_EQ(plan(Mesh::rollout_object("r5")).servers_size(), 1);
  profile.mutable_spec()->set_verify_in_installer("perhaps");
  EXPECT_EQ(mesh.ask(Apply{profile, std::nullopt}).error().field, "spec.verifyInInstaller");
  profile.mutable_spec()->set_verify_in_installer("off");
  profile.mutable_spec()->mutable_template_()->set_inline_("name={{hostname}}\n");
  profile.mutable_spec()->mutable_host()->add_ntp("10.0.0.1");
  mesh.apply(profile);
  tell(std::string(64, 'b'));
  EXPECT_EQ(plan(Mesh::rollout_object("r2")).servers_size(), 1)
      << "the site has a file of its own: it will say";
}

TEST_F(Planned, AnImageThatItsSiteFoundUnsuitableIsToldBeforeAnythingIsOrdered) {
  mesh.add_ready("s0", agent, 0);
  const auto tell = [&](const std::string& obstacle, const std::string& sha256) {
    wire::Event found;
    found.mutable_image()->set_sha256(mesh.state().images.at("rocky").spec().iso().sha256());
    found.mutable_image()->set_ready(true);
    wire::ImageVerdict& verdict = *found.mutable_image()->mutable_findings()->add_verdicts();
    verdict.set_family("rhel");
    verdict.set_family_sha256(sha256);
    verdict.set_obstacle(obstacle);
    agent.report(found);
  };
  wire::Event families;
  families.mutable_families()->add_families()->set_name("rhel");
  families.mutable_families()->mutable_families(0)->set_sha256(std::string(64, 'a'));
  agent.report(families);
  tell("no entry is named Install *", std::string(64, 'a'));
  const rest::Plan made = plan(Mesh::rollout_object("r"));
  EXPECT_EQ(reasons(made)["s0"], "IMAGE_UNSUITABLE");
  EXPECT_THAT(made.excluded(0).message(),
              ::testing::AllOf(::testing::HasSubstr("site par1 found"),
                               ::testing::HasSubstr("no entry is named Install *"),
                               ::testing::HasSubstr("metalmesh image inspect rocky")));
  auto named = Mesh::rollout_object("named");
  (*named.mutable_spec()->mutable_vars())["bootEntry"] = "Instala*";
  EXPECT_EQ(plan(named).servers_size(), 1) << "which entry it names is for the site to look up";
  tell("no entry is named Install *", std::string(64, 'b'));
  EXPECT_EQ(plan(Mesh::rollout_object("r2")).servers_size(), 1) << "that was by another file of the family";
  tell("", std::string(64, 'a'));
  EXPECT_EQ(plan(Mesh::rollout_object("r3")).servers_size(), 1);
}

TEST_F(Planned, SaysHowMuchComesOverTheBmcAndThatItIsAnAssumption) {
  mesh.add_ready("s0", agent, 0);
  auto image = Mesh::image("rocky");
  image.mutable_spec()->mutable_iso()->clear_size();
  mesh.apply(image);
  EXPECT_THAT(plan(Mesh::rollout_object("unsized")).media().summary(), ::testing::HasSubstr("is not known"));
  image.mutable_spec()->mutable_iso()->set_size(9'800'000'000);
  mesh.apply(image);
  const rest::PlanMedia media = plan(Mesh::rollout_object("sized")).media();
  EXPECT_EQ(media.image_bytes(), 9'800'000'000U);
  EXPECT_EQ(media.expected().seconds(), 4900);
  EXPECT_EQ(media.measured(), 0U);
  EXPECT_THAT(media.summary(),
              ::testing::HasSubstr("up to 9.8 GB over its BMC: up to 82 min at 2 MB/s, which is assumed"));
  auto profile = Mesh::profile("base");
  profile.mutable_spec()->set_packages("https://mirror.example.net/rocky");
  mesh.apply(profile);
  EXPECT_THAT(plan(Mesh::rollout_object("mirror")).media().summary(),
              ::testing::HasSubstr("less what it takes as packages from elsewhere"));
}

}  // namespace
}  // namespace metalmesh::testing
