// Deliveries that are let in, keys that a person approves, and a site that is put out for good.
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct SiteTrust : ::testing::Test {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");
  void show_unknown_key() {
    mesh.apply(Mesh::server_object("s0", "par1", 0));
    wire::Inspected& seen = agent.bmcs["s0"];
    seen.mutable_fault()->set_code(wire::BMC_KEY_UNKNOWN);
    seen.set_bmc_key_sha256(std::string(64, 'b'));
    agent.answer_inspections();
  }
  std::string why_excluded(const std::string& name) {
    mesh.apply(Mesh::rollout_object("look"));
    mesh.must(PlanRollout{"look"});
    for (const auto& out : mesh.rollout("look").status().plan().excluded())
      if (out.name() == name) return out.message();
    return {};
  }
  [[nodiscard]] const wire::InspectServer& last_inspection() const {
    const auto last = std::find_if(agent.commands.rbegin(), agent.commands.rend(),
                                   [](const wire::Command& command) { return command.has_inspect_server(); });
    return last->inspect_server();
  }
  [[nodiscard]] const wire::SiteSettings& last_settings() const {
    const auto last = std::find_if(agent.commands.rbegin(), agent.commands.rend(),
                                   [](const wire::Command& command) { return command.has_site_settings(); });
    return last->site_settings();
  }
};

TEST_F(SiteTrust, AnUnknownKeyWaitsForAPersonAndIsPinnedThen) {
  show_unknown_key();
  EXPECT_EQ(mesh.server("s0").status().phase(), "registered");
  EXPECT_EQ(mesh.server("s0").status().pinned_key_sha256(), "");
  EXPECT_THAT(why_excluded("s0"), HasSubstr("metalmesh server accept s0"));
  mesh.must(AcceptServer{"s0"});
  EXPECT_EQ(mesh.server("s0").status().pinned_key_sha256(), std::string(64, 'b'));
  EXPECT_EQ(last_inspection().bmc().key_sha256(), std::string(64, 'b')) << "it is asked again, by that key";
  agent.bmcs["s0"] = bmc_report(0);
  agent.bmcs["s0"].set_bmc_key_sha256(std::string(64, 'b'));
  agent.answer_inspections();
  EXPECT_EQ(mesh.server("s0").status().phase(), "ready");
}

TEST_F(SiteTrust, ADeliveryIsLetInForAWhile) {
  show_unknown_key();
  const std::string address = mesh.server("s0").spec().bmc().address();
  const std::size_t before = agent.commands.size();
  mesh.must(
      OpenFirstContact{"par1", address.substr(0, address.find(':')) + "/32", "delivery of March", 3600});
  mesh.run_for(std::chrono::seconds(3));
  ASSERT_EQ(last_settings().first_contact_size(), 1);
  const Duration left = from_wire(last_settings().first_contact(0).until()) - mesh.now.wall();
  EXPECT_TRUE(left > std::chrono::minutes(59) && left <= std::chrono::hours(1));
  ASSERT_EQ(agent.commands.size(), before + 2) << "who waited is asked again";
  EXPECT_TRUE(agent.commands.back().has_inspect_server()) << "and not before its agent knows";
  EXPECT_TRUE(mesh.logged("delivery of March"));
  EXPECT_EQ(mesh.ask(OpenFirstContact{"par1", "10.0.0.1/24", "x", {}}).error().field, "network");
  EXPECT_EQ(mesh.ask(OpenFirstContact{"par1", "10.0.0.0/24", "x", 90'000}).error().field, "duration");
  EXPECT_EQ(mesh.ask(OpenFirstContact{"par1", "10.0.0.0/24", "", {}}).error().field, "reason");
  mesh.restart();
  EXPECT_EQ(mesh.state().sites.at("par1").status().first_contact_size(), 1);
}

TEST_F(SiteTrust, ARevokedSiteIsNotHeardAndItsNameIsNeverGivenAgain) {
  mesh.add_ready("s0", agent, 0);
  mesh.start_rollout(Mesh::rollout_object("r"));
  mesh.run_for(std::chrono::seconds(3));
  agent.accept("s0");
  EXPECT_EQ(mesh.ask(RevokeSite{"par1", "lyo1", "stolen"}).error().field, "confirm");
  mesh.must(RevokeSite{"par1", "par1", "the box was stolen"});
  EXPECT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
  const std::size_t heard = mesh.events().size(), sent = mesh.published.size();
  agent.succeed("s0");
  agent.hello();
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_EQ(mesh.events().size(), heard) << "whoever has its key";
  EXPECT_EQ(mesh.published.size(), sent);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
  EXPECT_THAT(why_excluded("s0"), HasSubstr("was revoked: the box was stolen"));
  mesh.restart();
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_EQ(mesh.published.size(), sent) << "for good";
  EXPECT_EQ(mesh.ask(OpenFirstContact{"par1", "10.0.0.0/24", "x", {}}).error().kind, ErrorKind::conflict);
}

TEST_F(SiteTrust, ANameOutlivesItsObject) {
  mesh.must(RevokeSite{"par1", "par1", "gone"});
  for (const auto& [name, credential] : std::map(mesh.state().credentials))
    mesh.must(Delete{"Credential", name, std::nullopt});
  mesh.must(Delete{"Site", "par1", std::nullopt});
  mesh.restart();
  EXPECT_EQ(mesh.ask(Apply{Mesh::site("par1"), std::nullopt}).error().field, "metadata.name");
}

}  // namespace
}  // namespace metalmesh::testing
