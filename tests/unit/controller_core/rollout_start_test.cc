// What start asks for, and what the orders hold that come of it.
#include <array>

#include "controller/core/actions/install_order.h"
#include "controller/core/object_rules.h"
#include "controller/core/rollout_planner.h"
#include "tests/unit/controller_core/planned.h"

namespace metalmesh::testing {
namespace {

TEST_F(Planned, StartNeedsTheDigestAndTheNumber) {
  mesh.add_ready("s0", agent, 0);
  mesh.add_ready("s1", agent, 1);
  plan(Mesh::rollout_object("r"));
  StartRollout request = order("r");
  request.confirm = 3;
  EXPECT_EQ(mesh.ask(request).error().field, "confirm");
  request = order("r");
  request.plan[0] = request.plan[0] == '0' ? '1' : '0';
  EXPECT_EQ(mesh.ask(request).error().field, "plan");
  EXPECT_EQ(mesh.rollout("r").status().state(), "planned");
  EXPECT_EQ(agent.orders(), 0);
  mesh.must(order("r"));
  EXPECT_EQ(mesh.rollout("r").status().state(), "running");
  EXPECT_EQ(agent.orders(), 2);
  EXPECT_FALSE(mesh.ask(order("r")).has_value()) << "started once";
}

TEST_F(Planned, AChangedMeshMakesThePlanStale) {
  const std::vector<std::function<void()>> changes = {
      [&] { mesh.add_ready("s9", agent, 9); },
      [&] { mesh.must(ProtectServer{"s0", true, "live", 0}); },
      [&] {
        auto image = Mesh::image("rocky");
        image.mutable_spec()->mutable_iso()->set_sha256(std::string(64, '2'));
        mesh.apply(image);
      },
      [&] {
        auto profile = Mesh::profile("base");
        profile.mutable_spec()->mutable_template_()->set_inline_("changed");
        mesh.apply(profile);
      },
      [&] {
        agent.bmcs["s1"].set_power("On");
        mesh.must(InspectServer{"s1"});
        agent.answer_inspections();
      },
      [&] {
        auto server = Mesh::server_object("s2", "par1", 2);
        (*server.mutable_spec()->mutable_vars())["disk"] = "sda";
        mesh.apply(server);
      },
      [&] {
        wire::Event event;
        wire::FamilyRef& family = *event.mutable_families()->add_families();
        family.set_name("rhel");
        family.set_sha256(std::string(64, '3'));
        agent.report(event);
      }};
  for (int i = 0; i < 3; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  mesh.apply(Mesh::rollout_object("r"));
  for (std::size_t i = 0; i < changes.size(); ++i) {
    mesh.must(PlanRollout{"r"});
    const StartRollout request = order("r");
    changes[i]();
    const auto result = mesh.ask(request);
    ASSERT_FALSE(result.has_value()) << i;
    EXPECT_EQ(result.error().kind, ErrorKind::conflict);
    EXPECT_NE(result.error().message.find("stale"), std::string::npos) << i << ": " << result.error().message;
  }
  EXPECT_EQ(agent.orders(), 0);
}

TEST_F(Planned, WhatASiteRendersByIsInItsOrders) {
  mesh.add_ready("s0", agent, 0);
  wire::Event event;
  wire::FamilyRef& family = *event.mutable_families()->add_families();
  family.set_name("rhel");
  family.set_sha256(std::string(64, '3'));
  agent.report(event);
  mesh.restart();
  mesh.run_for(std::chrono::seconds(8));
  mesh.start_rollout(Mesh::rollout_object("r"));
  const auto order = agent.last_order("s0");
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->agreed.install().family().name(), "rhel");
  EXPECT_EQ(order->agreed.install().family().sha256(), std::string(64, '3'));

  agent.accept("s0");
  agent.launch("s0");
  wire::Event end = agent.about("s0");
  end.mutable_ended()->set_outcome(wire::Ended::SUCCEEDED);
  end.mutable_ended()->set_disk(wire::DISK_NEW_SYSTEM);
  end.mutable_ended()->set_proof(wire::PROOF_BOOTED);
  end.mutable_ended()->set_answer_sha256(std::string(64, '4'));
  agent.report(end);
  mesh.restart();
  EXPECT_EQ(mesh.server("s0").status().installed().family_sha256(), std::string(64, '3'))
      << "and on the machine, whatever the site has by that name later";
  EXPECT_EQ(mesh.server("s0").status().installed().answer_sha256(), std::string(64, '4'));
}

TEST_F(Planned, AnOrderBelongsToThePlanThatWasStarted) {
  for (int i = 0; i < 5; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
  mesh.start_rollout(Mesh::rollout_object("r"));
  const std::string digest = mesh.rollout("r").status().plan().digest();
  int orders = 0;
  for (const auto& command : agent.commands) {
    if (!command.has_order()) continue;
    ++orders;
    EXPECT_EQ(to_hex(command.order().path().plan_sha256()), digest);
    EXPECT_TRUE(orders::belongs(command.order().agreed(), command.order().path()));
  }
  EXPECT_EQ(orders, 5);
}

TEST_F(Planned, APlanExpires) {
  mesh.add_ready("s0", agent, 0);
  plan(Mesh::rollout_object("r"));
  const StartRollout request = order("r");
  mesh.pass(plan_lifetime + std::chrono::minutes(1));
  mesh.run_for(std::chrono::seconds(2));
  const auto result = mesh.ask(request);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().field, "plan");
  EXPECT_NE(result.error().message.find("expired"), std::string::npos) << result.error().message;
  mesh.must(PlanRollout{"r"});
  mesh.must(order("r"));
}

TEST_F(Planned, ASecondOrderForAServerNamesTheFirst) {
  mesh.add_ready("s0", agent, 0);
  plan(Mesh::rollout_object("one"));
  plan(Mesh::rollout_object("two"));
  mesh.must(order("one"));
  const auto result = mesh.ask(order("two"));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::conflict);
  EXPECT_NE(result.error().message.find(mesh.deployment_of("s0").id()), std::string::npos)
      << result.error().message;
  EXPECT_NE(result.error().message.find("one"), std::string::npos);
}

TEST_F(Planned, AFullDiskStartsNothing) {
  mesh.add_ready("s0", agent, 0);
  plan(Mesh::rollout_object("r"));
  mesh.give(DiskLevel{true, 1});
  EXPECT_EQ(mesh.ask(order("r")).error().kind, ErrorKind::exhausted);
  mesh.give(DiskLevel{false, 1U << 30U});
  mesh.must(order("r"));
}

TEST_F(Planned, AnOpenDeploymentForbidsToChangeTheMachine) {
  mesh.add_ready("s0", agent, 0);
  mesh.start_rollout(Mesh::rollout_object("r"));
  auto server = Mesh::server_object("s0", "par1", 0);
  server.mutable_spec()->mutable_bmc()->set_address("10.7.7.7");
  EXPECT_EQ(mesh.ask(Apply{server, std::nullopt}).error().field, "spec.bmc");
  server = Mesh::server_object("s0", "par1", 0);
  server.mutable_spec()->mutable_identity()->set_serial("OTHER123");
  EXPECT_EQ(mesh.ask(Apply{server, std::nullopt}).error().field, "spec.identity");
  EXPECT_EQ(mesh.ask(Delete{"Server", "s0", std::nullopt}).error().kind, ErrorKind::conflict);
  EXPECT_EQ(mesh.ask(RetireServer{"s0"}).error().kind, ErrorKind::conflict);
  EXPECT_EQ(mesh.ask(AcceptServer{"s0"}).error().kind, ErrorKind::conflict);
}

TEST_F(Planned, TheOrderHoldsAllThatTheSiteNeeds) {
  auto site = Mesh::site("par1");
  (*site.mutable_spec()->mutable_vars())["vlan"] = "210";
  (*site.mutable_spec()->mutable_vars())["ntp"] = "site";
  mesh.apply(site);
  mesh.add_ready("s0", agent, 0);
  auto server = Mesh::server_object("s0", "par1", 0);
  server.mutable_spec()->set_hostname("web12.par1");
  (*server.mutable_spec()->mutable_vars())["ntp"] = "server";
  mesh.apply(server);
  mesh.start_rollout(Mesh::rollout_object("r"));
  const orders::Parts got = *agent.last_order("s0");
  EXPECT_EQ(agent.commands.back().journal_id(), "journal-par1");
  EXPECT_EQ(got.issue.generation(), 1U);
  EXPECT_EQ(got.agreed.identity().uuid(), bmc_report(0).identity().uuid());
  EXPECT_EQ(got.agreed.identity().serial(), bmc_report(0).identity().serial());
  EXPECT_EQ(got.agreed.bmc().tls(), wire::BmcTarget::PIN);
  EXPECT_EQ(got.issue.bmc_key_sha256(), agent.key);
  EXPECT_EQ(got.agreed.install().power(), wire::REFUSE_IF_ON);
  EXPECT_EQ(got.agreed.install().image().size(), 1000U);
  EXPECT_EQ(got.agreed.install().profile().version(), 1U);
  EXPECT_TRUE(mesh.store.find("b/" + got.agreed.install().profile().sha256()).has_value());
  std::map<std::string, std::string> variables;
  for (const auto& variable : got.agreed.install().variables()) variables[variable.name()] = variable.value();
  EXPECT_EQ(variables, (std::map<std::string, std::string>{
                           {"hostname", "web12.par1"}, {"ntp", "server"}, {"vlan", "210"}}));
  EXPECT_EQ(got.issue.start_by().seconds(), mesh.rollout("r").status().started().seconds() + 4 * 3600);
  EXPECT_EQ(got.issue.launch_by().seconds(), got.issue.start_by().seconds() + 1800);
  EXPECT_EQ(got.agreed.install().max_run().seconds(), 7200);
  EXPECT_EQ(got.agreed.install().proof().minimum(), wire::PROOF_BOOTED);

  wire::BlobWant want;
  want.set_sha256(got.agreed.install().profile().sha256());
  agent.publish("blob_want", want);
  const auto opened = delivery::open(mesh.verifier, "controller", mesh.published.back().payload);
  ASSERT_TRUE(opened.has_value());
  wire::BlobChunk chunk;
  ASSERT_TRUE(chunk.ParseFromString(opened->payload));
  EXPECT_EQ(to_hex(sha256(chunk.bytes())), got.agreed.install().profile().sha256());
}

TEST_F(Planned, PackagesOfTheProfileTravelWithTheOrder) {
  mesh.add_ready("s0", agent, 0);
  auto dvd = Mesh::image("dvd");
  dvd.mutable_spec()->mutable_iso()->set_sha256(std::string(64, 'd'));
  mesh.apply(dvd);
  struct Case {
    const char* packages;
    const char* image;
    const char* url;
    const char* tree;  // image whose files the site serves
  };
  const std::vector<Case> cases = {{"", "", "", ""},
                                   {"media", "", "", ""},
                                   {"http://mirror/rocky", "", "http://mirror/rocky", ""},
                                   {"siteHttp", "", "", "rocky"},
                                   {"siteHttp", "dvd", "", "dvd"}};
  int number = 0;
  for (const Case& c : cases) {
    auto profile = Mesh::profile("base");
    profile.mutable_spec()->set_packages(c.packages);
    profile.mutable_spec()->set_packages_image(c.image);
    mesh.apply(profile);
    const std::string name = "r" + std::to_string(number++);
    plan(Mesh::rollout_object(name));
    const rest::RolloutSpec& spec = mesh.rollout(name).spec();
    const wire::Install order =
        install_of(mesh.state(), spec, *find_profile(mesh.state(), spec.profile()), mesh.server("s0"), {});
    EXPECT_EQ(order.has_packages(), *c.url != 0 || *c.tree != 0) << c.packages;
    EXPECT_EQ(order.packages().url(), c.url);
    EXPECT_EQ(order.packages().image().name(), c.tree);
  }
}

TEST_F(Planned, PackagesMustBeOneOfThreeAndTheirImageThere) {
  const auto refused = [&](const char* packages, const char* image, const char* field) {
    auto profile = Mesh::profile("other");
    profile.mutable_spec()->set_packages(packages);
    profile.mutable_spec()->set_packages_image(image);
    const auto outcome = mesh.ask(Apply{profile, std::nullopt});
    ASSERT_FALSE(outcome) << packages;
    EXPECT_EQ(outcome.error().field, field) << packages;
  };
  refused("ftp://mirror/rocky", "", "spec.packages");
  refused("file:///etc", "", "spec.packages");
  refused("http://", "", "spec.packages");
  refused("media", "dvd", "spec.packagesImage");
  refused("siteHttp", "No Name", "spec.packagesImage");
  auto profile = Mesh::profile("base");
  profile.mutable_spec()->set_packages("siteHttp");
  profile.mutable_spec()->set_packages_image("gone");
  mesh.apply(profile);
  const auto outcome = mesh.ask(Apply{Mesh::rollout_object("r"), std::nullopt});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().field, "spec.profile.packagesImage");
}

}  // namespace
}  // namespace metalmesh::testing
