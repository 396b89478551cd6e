// What the thief of one site's key can tell, and whom it harms: that site.
#include "controller/core/site_counts.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "schemas/record/controller.pb.h"
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

using ::testing::HasSubstr;

struct OneSite : ::testing::Test {
  Mesh mesh;
  Puppet& thief = mesh.bring_up("par1");
  Puppet& other = mesh.bring_up("lyo1");
  void SetUp() override {
    mesh.add_ready("p0", thief, 0);
    mesh.add_ready("l0", other, 10);
  }
  void expect_that_site_alone() {
    EXPECT_TRUE(mesh.state().sites.at("par1").status().quarantined());
    EXPECT_FALSE(mesh.state().hold) << "the others go on";
    EXPECT_EQ(mesh.state().epoch, 1U);
    mesh.start_rollout(Mesh::rollout_object("r"));
    mesh.run_for(std::chrono::seconds(10));
    EXPECT_EQ(mesh.deployment_of("l0").state(), "ISSUED") << "its agent has the order";
  }
};

TEST_F(OneSite, AnEpochThatNoRestoreExplainsHoldsThatSiteAlone) {
  thief.epoch = UINT64_MAX - 1;
  thief.hello();
  mesh.run_for(std::chrono::seconds(10));
  expect_that_site_alone();
  EXPECT_TRUE(mesh.logged("the agent tells of epoch 18446744073709551614, and this mesh is at 1"));
}

TEST_F(OneSite, OneThatARestoreExplainsIsFollowed) {
  thief.epoch = 5;
  thief.hello();
  mesh.run_for(std::chrono::seconds(10));
  EXPECT_EQ(mesh.state().epoch, 6U);
  EXPECT_TRUE(mesh.state().hold) << "nobody may wipe what a lost ledger knew";
}

TEST_F(OneSite, AGenerationThatNobodyGaveIsNotTaken) {
  mesh.start_rollout(Mesh::rollout_object("r"));
  mesh.run_for(std::chrono::seconds(5));
  const std::uint64_t before = mesh.deployment_of("p0").generation();
  wire::Event lie = thief.about("p0");
  lie.set_generation(UINT64_MAX);
  lie.mutable_armed();
  thief.report(lie);
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_EQ(mesh.deployment_of("p0").generation(), before);
  EXPECT_TRUE(mesh.logged("noted, not applied"));
}

TEST_F(OneSite, EventsThatNobodyTellsHoldThatSiteAlone) {
  wire::Trimmed trimmed;
  trimmed.set_journal_id(thief.journal);
  trimmed.set_first_kept(UINT64_MAX);
  trimmed.set_base_hash(std::string(32, 'h'));
  thief.publish("trimmed", trimmed);
  mesh.run_for(std::chrono::seconds(5));
  expect_that_site_alone();
}

TEST_F(OneSite, LossesThatItTellsAgainAndAgainHoldThatSiteAlone) {
  const std::size_t before = mesh.events().size();
  for (int i = 0; i < 500; ++i) {
    thief.epoch = mesh.state().epoch + 1;
    thief.hello();
    mesh.pass(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(mesh.state().sites.at("par1").status().quarantined());
  EXPECT_TRUE(mesh.logged("tells again and again that this controller has lost something"));
  EXPECT_LT(mesh.events().size() - before, 4 * counts::most_claims) << "each is a line for ever";
  EXPECT_LE(mesh.state().epoch, 2 + 2 * counts::most_claims);
}

TEST_F(OneSite, GapsThatItTellsAgainAndAgainHoldThatSiteAlone) {
  const std::size_t before = mesh.events().size();
  for (std::uint64_t i = 0; i < 500; ++i) {
    wire::Trimmed trimmed;
    trimmed.set_journal_id(thief.journal);
    trimmed.set_first_kept(1000 + 2 * i);
    trimmed.set_base_hash(std::string(32, 'h'));
    thief.publish("trimmed", trimmed);
  }
  EXPECT_TRUE(mesh.logged("says again and again that events of its are gone"));
  EXPECT_LT(mesh.events().size() - before, 4 * counts::most_claims);
}

TEST_F(OneSite, ItsIdsFillNoRow) {
  const auto link_bytes = [&] {
    const auto row = mesh.store.find(std::string(tables::links) + "par1");
    return row ? row->size() : 0;
  };
  for (int i = 0; i < 100; ++i) {
    thief.about_controllers.set_controller_instance(std::string(20'000, 'i'));
    thief.hello();
    thief.about_controllers.clear_controller_instance();
    wire::Hello hello = thief.presence->hello(mesh.now, mesh.entropy);
    hello.set_journal_id(thief.journal);
    hello.set_next_seq(thief.up->next_seq());
    hello.set_head_hash(thief.up->head_hash());
    hello.set_command_journal(std::to_string(i) + std::string(50, 'c'));
    thief.publish("hello", hello);
    hello.set_command_journal(std::string(20'000, 'c'));
    thief.publish("hello", hello);
    mesh.pass(std::chrono::milliseconds(10));
  }
  EXPECT_LT(link_bytes(), 8192U);
}

TEST_F(OneSite, AVersionIsCutBetweenCharacters) {
  wire::Hello hello = thief.presence->hello(mesh.now, mesh.entropy);
  hello.set_journal_id(thief.journal);
  hello.set_next_seq(thief.up->next_seq());
  hello.set_head_hash(thief.up->head_hash());
  hello.set_version(std::string(63, 'v') + "\xc3\xa9");
  thief.publish("hello", hello);
  mesh.run_for(std::chrono::seconds(1));
  const auto row = mesh.store.find(std::string(tables::links) + "par1");
  record::SiteLink link;
  ASSERT_TRUE(row.has_value());
  EXPECT_TRUE(decode_row(*row, link).has_value()) << "else the next start finds it damaged";
}

TEST(SiteCounts, AreBoundedAndNeverWrap) {
  EXPECT_FALSE(counts::beyond(1001, 1, counts::most_epochs));
  EXPECT_TRUE(counts::beyond(1002, 1, counts::most_epochs));
  EXPECT_TRUE(counts::beyond(UINT64_MAX, 0, counts::most_entries));
  EXPECT_FALSE(counts::beyond(0, UINT64_MAX, 1)) << "behind is another matter";
}

TEST(SiteQuota, TakesItsShareAndThenSoMuchASecond) {
  SiteQuota quota({.at_once = 1000, .per_second = 100});
  MonoTime now{std::chrono::hours(1)};
  EXPECT_TRUE(quota.takes(900, now));
  EXPECT_FALSE(quota.takes(101, now));
  EXPECT_TRUE(quota.takes(100, now));
  EXPECT_FALSE(quota.takes(1, now));
  now += std::chrono::seconds(2);
  EXPECT_TRUE(quota.takes(200, now));
  EXPECT_FALSE(quota.takes(1, now));
  now += std::chrono::hours(24 * 365);
  EXPECT_TRUE(quota.takes(1000, now));
  EXPECT_FALSE(quota.takes(1, now));
}

TEST(SiteShareTest, WhatIsBeyondItWaitsAtTheSiteAndNothingIsLost) {
  Mesh mesh;
  mesh.limits.site_share = {.at_once = 40'000, .per_second = 1000};
  mesh.restart();
  Puppet& site = mesh.bring_up("par1");
  Puppet& other = mesh.bring_up("lyo1");
  const std::size_t before = mesh.events().size();
  for (int i = 0; i < 60; ++i) {
    wire::Event event;
    event.mutable_image()->set_sha256(std::string(1000, 'a'));
    site.report(event);
  }
  mesh.run_for(std::chrono::seconds(3));
  const std::size_t taken = mesh.events().size() - before;
  EXPECT_LT(taken, 50U);
  EXPECT_TRUE(mesh.logged("site par1 tells more than its share"));
  mesh.add_ready("l0", other, 10);
  mesh.run_for(std::chrono::seconds(120));
  std::size_t of_it = 0;
  for (const auto& event : mesh.events())
    of_it += event.site() == "par1" && event.event().has_image() ? 1 : 0;
  EXPECT_EQ(of_it, 60U);
}

}  // namespace
}  // namespace metalmesh::testing
