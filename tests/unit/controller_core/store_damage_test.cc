// One flipped bit in each row of the controller's store: noticed each time, and it costs what the table in
// store_damage.h says.
#include "controller/core/store_damage.h"

#include "common/ports/row_seal.h"
#include "controller/core/row_care.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "tests/support/rotten_rows.h"
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

using ::testing::HasSubstr;

struct StoreDamage : ::testing::Test {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");
  void SetUp() override {
    for (int i = 0; i < 4; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
    auto rollout = Mesh::rollout_object("r");
    rollout.mutable_spec()->mutable_stop_after()->set_no_canary(true);
    rollout.mutable_spec()->mutable_parallel()->set_per_site(2);
    mesh.start_rollout(rollout);
    agent.accept("s0");
    agent.launch("s0");
    agent.accept("s1");
    mesh.run_for(std::chrono::seconds(6));
  }
  RowCare care(const RottenRows& rotten) {
    auto cared = care_for_rows(rotten, {});
    if (!cared) {
      ADD_FAILURE() << cared.error().message;
      return {};
    }
    mesh.store.restore(rotten.after(cared->batch));
    return *cared;
  }
  void rot(const std::string& key) {
    RottenRows rotten(mesh.store);
    rotten.flip(key, mesh.store.find(key)->size() / 2);
    care(rotten);
    mesh.restart();
  }
  bool listed(const std::string& row) const { return mesh.state().damage.contains(row); }
  int orders() const { return agent.orders(); }
};

TEST_F(StoreDamage, AWholeStoreIsLeftAlone) {
  const auto cared = care_for_rows(RottenRows(mesh.store), {});
  ASSERT_TRUE(cared);
  EXPECT_TRUE(cared->batch.empty());
  EXPECT_TRUE(cared->lines.empty());
}

TEST_F(StoreDamage, EachFlippedBitOfEachRowIsNoticedAndTheControllerGoesOn) {
  const MemoryRows::Rows healthy = mesh.store.rows();
  const std::size_t before = mesh.events().size();
  for (const auto& [key, value] : healthy) {
    for (const std::size_t byte : {std::size_t{0}, value.size() / 2, value.size() + 3}) {
      RottenRows rotten(healthy);
      rotten.flip(key, byte, byte % 8);
      EXPECT_FALSE(care(rotten).lines.empty()) << printable_key(key);
      mesh.restart();
      EXPECT_GT(mesh.state().epoch, 0U) << printable_key(key) << ": the rows were refused";
      mesh.run_for(std::chrono::seconds(12));
      EXPECT_GE(mesh.events().size(), before) << printable_key(key) << ": no event hides another one";
      std::uint64_t number = 0;
      for (const auto& event : mesh.events()) EXPECT_EQ(event.number(), ++number) << printable_key(key);
    }
    RottenRows rotten(healthy);
    rotten.flip_key(key, key.size() - 1, 7);
    EXPECT_FALSE(care(rotten).lines.empty()) << printable_key(key);
    mesh.restart();
    mesh.run_for(std::chrono::seconds(12));
    // Whatever was lost: a machine that is being installed gets no second order.
    for (const auto& command : agent.commands) {
      if (command.has_order() && orders::open(command.order())->agreed.server() == "s0")
        EXPECT_EQ(command.order().issue().generation(), 1U) << printable_key(key);
    }
  }
}

TEST_F(StoreDamage, ADamagedEventIsThatEvent) {
  const auto all = mesh.events();
  rot(event_key(3));
  const auto now = mesh.events();
  EXPECT_EQ(now[1].message(), all[1].message());
  EXPECT_EQ(now[2].type(), "damaged");
  EXPECT_EQ(now[2].number(), 3U);
  EXPECT_EQ(now[3].message(), all[3].message());
  const std::string row = printable_key(event_key(3));
  ASSERT_TRUE(listed(row));
  mesh.must(SettleDamage{row, "read what the site's log says"});
  EXPECT_FALSE(listed(row));
  mesh.restart();
  EXPECT_FALSE(listed(row));
  EXPECT_EQ(mesh.events()[2].type(), "damaged") << "the line stays";
}

TEST_F(StoreDamage, WhoFollowsTheChangeFeedListsEverythingAgain) {
  mesh.restart();
  const std::uint64_t last = mesh.state().changes.last();
  EXPECT_EQ(mesh.state().changes.floor(), 0U) << "a start alone loses nobody";
  rot(tables::row(tables::servers, "s3"));
  EXPECT_GT(mesh.state().changes.floor(), last) << "nobody was told what became of it";
  const std::uint64_t floor = mesh.state().changes.floor();
  mesh.restart();
  EXPECT_EQ(mesh.state().changes.floor(), floor) << "once";
}

TEST_F(StoreDamage, AnEventUnderADamagedKeyGoesBackToItsPlace) {
  const auto all = mesh.events();
  RottenRows rotten(mesh.store);
  rotten.flip_key(event_key(4), 5, 0);
  care(rotten);
  mesh.restart();
  EXPECT_EQ(mesh.events()[3].message(), all[3].message());
  EXPECT_TRUE(mesh.state().damage.empty());
}

TEST_F(StoreDamage, MissingEventsAreALine) {
  MemoryRows::Rows rows = mesh.store.rows();
  for (const std::uint64_t number : {5U, 6U, 7U}) rows.erase(event_key(number));
  EXPECT_THAT(gaps_in_log(RottenRows(rows)), ::testing::ElementsAre(HasSubstr("events 5 to 7")));
  care(RottenRows(rows));
  mesh.restart();
  const auto events = mesh.events();
  EXPECT_EQ(events[4].type(), "damaged");
  EXPECT_THAT(events[4].message(), HasSubstr("events 5 to 7"));
  EXPECT_EQ(events[5].number(), 8U);
  EXPECT_TRUE(gaps_in_log(mesh.store).empty()) << "it is told, so it is none";
  EXPECT_TRUE(care_for_rows(RottenRows(mesh.store), {})->batch.empty()) << "once";
}

TEST_F(StoreDamage, ADamagedServerIsBlockedAndComesBackWithItsManifest) {
  mesh.add_ready("s9", agent, 9);
  rot("o/server/s9");
  ASSERT_TRUE(listed("o/server/s9"));
  EXPECT_THAT(mesh.server("s9").status().blocked(), HasSubstr("damaged"));
  EXPECT_NE(mesh.excluded("s9"), "");
  mesh.apply(Mesh::server_object("s9", "par1", 9));
  EXPECT_FALSE(listed("o/server/s9"));
  agent.answer_inspections();
  mesh.run_for(std::chrono::seconds(6));
  agent.answer_inspections();
  mesh.run_for(std::chrono::seconds(6));
  EXPECT_EQ(mesh.server("s9").status().blocked(), "");
}

TEST_F(StoreDamage, ADamagedServerWithAnOrderUnderWayGetsNoOther) {
  rot("o/server/s0");
  mesh.run_for(std::chrono::seconds(30));
  EXPECT_THAT(mesh.server("s0").status().blocked(), HasSubstr("damaged"));
  agent.succeed("s0");
  EXPECT_EQ(mesh.deployment_of("s0").state(), "SUCCEEDED") << "facts are taken in all the same";
}

TEST_F(StoreDamage, ADamagedRolloutHandsNothingOutAndCanBeAborted) {
  const int before = orders();
  rot("o/rollout/r");
  ASSERT_TRUE(listed("o/rollout/r"));
  EXPECT_EQ(mesh.rollout("r").status().state(), "stopped");
  agent.succeed("s0");
  mesh.run_for(std::chrono::seconds(30));
  EXPECT_EQ(orders(), before);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "SUCCEEDED");
  mesh.must(StopRollout{"r", "its plan is lost"});
  EXPECT_FALSE(listed("o/rollout/r"));
}

TEST_F(StoreDamage, ADamagedDeploymentIsIndeterminateUntilAPersonOrTheSiteSaysMore) {
  const std::string id = mesh.deployment_of("s0").id();
  const int before = orders();
  rot("d/" + id);
  const rest::Deployment& lost = mesh.state().deployments.at(id);
  EXPECT_EQ(lost.state(), "INDETERMINATE");
  EXPECT_EQ(lost.server(), "s0");
  EXPECT_EQ(lost.disk(), wire::DISK_UNKNOWN);
  EXPECT_NE(mesh.excluded("s0"), "");
  mesh.run_for(std::chrono::seconds(30));
  EXPECT_EQ(agent.last_order("s0")->issue.generation(), 1U);
  EXPECT_GE(orders(), before);
  mesh.must(ResolveDeployment{id, "failed", "looked at it"});
  EXPECT_EQ(mesh.state().deployments.at(id).state(), "FAILED");
}

TEST_F(StoreDamage, ItsRolloutStartsNoMoreUntilAPersonHasLooked) {
  const std::string id = mesh.deployment_of("s0").id();
  rot("d/" + id);
  EXPECT_EQ(mesh.rollout("r").status().state(), "stopped");
  EXPECT_THAT(mesh.rollout("r").status().stop_reason(), HasSubstr(id));
  const auto events = mesh.events();
  const auto told = std::ranges::find_if(events, [](const rest::LogEvent& line) {
    return line.message().starts_with("rollout r starts no more servers");
  });
  ASSERT_NE(told, events.end());
  EXPECT_THAT(told->message(), HasSubstr("Next: "));
  const int before = orders();
  agent.succeed("s1");
  mesh.run_for(std::chrono::seconds(30));
  EXPECT_EQ(orders(), before) << "whether the canary was lost with it nobody knows";
}

TEST_F(StoreDamage, AnOrderThatIsLostIsNotGuessed) {
  const std::string pending = mesh.deployment_of("s3").id();
  ASSERT_EQ(mesh.deployment_of("s3").state(), "PENDING");
  rot("x/order/" + pending);
  EXPECT_EQ(mesh.state().deployments.at(pending).state(), "INDETERMINATE");
  mesh.run_for(std::chrono::seconds(30));
  EXPECT_FALSE(agent.last_order("s3").has_value());
}

TEST_F(StoreDamage, ASitesOwnRowsCostThatSite) {
  Puppet& other = mesh.bring_up("lyo1");
  mesh.run_for(std::chrono::seconds(6));
  rot("x/link/par1");
  mesh.run_for(std::chrono::seconds(6));
  EXPECT_TRUE(mesh.state().sites.at("par1").status().quarantined());
  EXPECT_FALSE(mesh.state().sites.at("lyo1").status().quarantined());
  EXPECT_TRUE(mesh.state().sites.at("lyo1").status().connected());
  EXPECT_FALSE(other.cut);
  mesh.must(ClearSiteQuarantine{"par1", "it is the only one"});
  EXPECT_FALSE(listed("x/link/par1"));
}

TEST_F(StoreDamage, TheCursorOfASiteFollowsFromTheLog) {
  const std::uint64_t cursor = mesh.state().sites.at("par1").status().events_received();
  const std::size_t before = mesh.events().size();
  ASSERT_GT(cursor, 3U);
  rot("r/par1");
  mesh.run_for(std::chrono::seconds(12));
  EXPECT_FALSE(mesh.state().sites.at("par1").status().quarantined())
      << mesh.state().sites.at("par1").status().quarantine_reason();
  EXPECT_EQ(mesh.state().sites.at("par1").status().events_received(), cursor);
  agent.succeed("s0");
  mesh.run_for(std::chrono::seconds(6));
  EXPECT_EQ(mesh.deployment_of("s0").state(), "SUCCEEDED");
  EXPECT_LT(mesh.events().size(), before + 12) << "nothing is taken in twice";
}

TEST_F(StoreDamage, ADamagedMachineIsInUseAndBlocked) {
  mesh.add_ready("s9", agent, 9);
  const std::string id = mesh.server("s9").status().machine();
  rot("m/" + id);
  EXPECT_NE(mesh.excluded("s9"), "");
  EXPECT_TRUE(listed("m/" + id));
  mesh.must(ReleaseServer{"s9", "looked at it"});
  EXPECT_FALSE(listed("m/" + id));
}

TEST_F(StoreDamage, WithoutItsOwnRowAControllerHoldsAsAfterARestore) {
  const int before = orders();
  rot("c");
  ASSERT_TRUE(mesh.state().hold.has_value());
  EXPECT_THAT(mesh.state().hold->reason(), HasSubstr("damaged"));
  mesh.run_for(std::chrono::seconds(20));
  EXPECT_EQ(orders(), before);
}

TEST_F(StoreDamage, AProfileIsMadeAnewFromItsVersion) {
  const auto healthy = mesh.store.rows();
  for (const auto& [key, value] : healthy) {
    if (!key.starts_with("o/profile/") && !key.starts_with("o/version/") && !key.starts_with("b/")) continue;
    mesh.store.restore(healthy);
    RottenRows rotten(healthy);
    rotten.flip(key, 4);
    care(rotten);
    EXPECT_EQ(mesh.store.find(key), value) << key;
  }
}

TEST_F(StoreDamage, AStoreThatWentBackHolds) {
  auto cared = care_for_rows(RottenRows(mesh.store), {"the newest writes are gone"});
  ASSERT_TRUE(cared);
  mesh.store.commit(cared->batch);
  const std::uint64_t epoch = mesh.state().epoch;
  mesh.restart();
  ASSERT_TRUE(mesh.state().hold.has_value());
  EXPECT_THAT(mesh.state().hold->reason(), HasSubstr("the newest writes are gone"));
  EXPECT_GT(mesh.state().epoch, epoch);
  mesh.restart();
  EXPECT_EQ(mesh.state().epoch, epoch + 1) << "once";
}

}  // namespace
}  // namespace metalmesh::testing
