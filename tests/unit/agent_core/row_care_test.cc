// One flipped bit in each row of an agent's store: noticed each time, and it costs what the table in row_care.h says.
#include "agents/core/row_care.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/core/fence_table.h"
#include "agents/core/row_check.h"
#include "agents/core/row_keys.h"
#include "agents/core/row_settle.h"
#include "agents/core/row_table.h"
#include "schemas/record/agent.pb.h"
#include "schemas/record/stream.pb.h"
#include "tests/support/rotten_rows.h"
#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

using ::testing::HasSubstr;

class RowCareTest : public ::testing::Test {
 protected:
  RowCareTest() {
    site_.bmcs["10.0.0.1"];
    site_.plant(launched(1));
    site_.start();
    site_.order(make_order(site_, 2));
  }
  record::Job launched(int n) {
    record::Job job = armed_job(make_order(site_, n), n);
    job.set_launched(true);
    job.set_powered(true);
    job.set_mount_state(wire::LAUNCHED);
    job.set_stage(wire::WATCH);
    return job;
  }
  /// The next start on a store in which that happened to it.
  agent::RowCare care(const RottenRows& rotten) {
    auto cared = agent::care_for_rows(rotten);
    if (!cared) {
      ADD_FAILURE() << cared.error().message;
      return {};
    }
    site_.store.restore(rotten.after(cared->batch));
    return *cared;
  }
  void restart(const RottenRows& rotten) {
    care(rotten);
    const Status whole = agent::check_rows(site_.store);
    ASSERT_TRUE(whole) << whole.error().message;
    site_.start();
  }
  std::string key_of(std::string_view prefix) {
    for (const auto& [key, value] : site_.store.rows()) {
      if (key.starts_with(prefix)) return key;
    }
    ADD_FAILURE() << "no row " << prefix;
    return {};
  }
  std::vector<wire::StoreDamaged> told() {
    std::vector<wire::StoreDamaged> all;
    for (const wire::Event& event : site_.told(&wire::Event::has_store_damaged))
      all.push_back(event.store_damaged());
    return all;
  }
  agent::FenceTable::Fence fence(int n) {
    return agent::FenceTable(site_.store).of(make_order(site_, n).agreed.identity());
  }
  void settle(const std::string& row, std::optional<std::uint64_t> through) {
    const auto batch = agent::settle_row(site_.store, {row, through, "looked at it"}, site_.wall());
    ASSERT_TRUE(batch) << batch.error().message;
    site_.store.commit(*batch);
  }

  TestSite site_;
};

TEST_F(RowCareTest, AWholeStoreIsLeftAlone) {
  const RottenRows rows(site_.store);
  const auto cared = agent::care_for_rows(rows);
  ASSERT_TRUE(cared);
  EXPECT_TRUE(cared->batch.empty());
}

TEST_F(RowCareTest, EachFlippedBitOfEachRowIsNoticedAndTheAgentStarts) {
  const MemoryRows::Rows healthy = site_.store.rows();
  const auto before = [&] {
    MemoryRows rows;
    rows.restore(healthy);
    const agent::FenceTable table(rows);
    return std::pair{table.of(make_order(site_, 1).agreed.identity()),
                     table.of(make_order(site_, 2).agreed.identity())};
  }();
  for (const auto& [key, value] : healthy) {
    for (std::size_t byte = 0; byte < value.size() + 8; byte += 1 + value.size() / 24) {
      RottenRows rotten(healthy);
      rotten.flip(key, byte, byte % 8);
      EXPECT_FALSE(care(rotten).found.empty()) << printable_key(key) << " byte " << byte;
      const Status whole = agent::check_rows(site_.store);
      ASSERT_TRUE(whole) << printable_key(key) << " byte " << byte << ": " << whole.error().message;
      // No fence is lower than before, or it is shut.
      for (const auto& [now, was] : {std::pair{fence(1), before.first}, std::pair{fence(2), before.second}}) {
        const bool no_lower = now.generation >= was.generation && now.cancelled_to >= was.cancelled_to &&
                              now.launched >= was.launched && now.refused >= was.refused;
        EXPECT_TRUE(no_lower || !now.damaged.empty()) << printable_key(key) << " byte " << byte;
      }
    }
  }
}

TEST_F(RowCareTest, ADamagedFenceShutsItsMachineAloneUntilAPersonSaysWhatIsTrue) {
  Outcome earlier;
  agent::FenceTable(site_.store).see(make_order(site_, 4).agreed.identity(), 2, "d-earlier", earlier);
  site_.store.commit(earlier.rows);
  const std::string row = agent::rows::fence + agent::machine_key(make_order(site_, 4).agreed.identity());
  RottenRows rotten(site_.store);
  rotten.flip(row, 7);
  restart(rotten);
  ASSERT_EQ(told().size(), 1U);
  EXPECT_EQ(told()[0].row(), row);
  EXPECT_THAT(told()[0].next(), HasSubstr("metalmesh-agent store settle " + row + " --through NUMBER"));

  orders::Parts again = make_order(site_, 4, 5);
  again.issue.set_deployment_id("d4-again");
  site_.order(again);
  ASSERT_FALSE(site_.receipts().back().accepted());
  EXPECT_EQ(site_.receipts().back().refusal().code(), wire::GENERATION_FENCED);
  EXPECT_THAT(site_.receipts().back().refusal().next(), HasSubstr("store settle " + row + " --through 5"));
  site_.order(make_order(site_, 3));
  EXPECT_TRUE(site_.receipts().back().accepted()) << "other machines go on";

  site_.start();
  EXPECT_EQ(told().size(), 1U) << "told once";
  EXPECT_FALSE(agent::settle_row(site_.store, {row, std::nullopt, "x"}, site_.wall()));
  EXPECT_FALSE(agent::settle_row(site_.store, {"fence/other", 5, "x"}, site_.wall()));
  settle(row, 5);
  site_.start();
  EXPECT_TRUE(told().back().over());
  EXPECT_EQ(fence(4).cancelled_to, 5U);
  again.issue.set_generation(6);
  again.issue.set_deployment_id("d4-third");
  site_.order(again);
  EXPECT_TRUE(site_.receipts().back().accepted());
}

TEST_F(RowCareTest, AFenceUnderADamagedKeyIsKnownByItsContent) {
  const std::string row = agent::rows::fence + agent::machine_key(make_order(site_, 1).agreed.identity());
  RottenRows rotten(site_.store);
  rotten.flip_key(row, row.size() - 2, 2);
  restart(rotten);
  EXPECT_FALSE(fence(1).damaged.empty());
  EXPECT_EQ(fence(1).launched, 1U);
  EXPECT_TRUE(fence(2).damaged.empty());
}

TEST_F(RowCareTest, ADamagedJobIsToldItsMachineTakesNoOrderAndNoMediumIsTakenAway) {
  RottenRows rotten(site_.store);
  rotten.flip("job/d1", 11);
  restart(rotten);
  ASSERT_EQ(told().size(), 1U);
  EXPECT_EQ(told()[0].deployment_id(), "d1");
  bool others_stay = false;
  for (const wire::MediaCommand& command : site_.sent_to_media()) {
    if (command.has_all()) others_stay = command.all().others_stay();
  }
  EXPECT_TRUE(others_stay);
  EXPECT_FALSE(fence(1).damaged.empty());
  EXPECT_TRUE(site_.job("d2").has_value()) << "the other one goes on";
  orders::Parts again = make_order(site_, 1, 2);
  again.issue.set_deployment_id("d1-again");
  site_.order(again);
  EXPECT_FALSE(site_.receipts().back().accepted());
  settle("job/d1", std::nullopt);
  site_.start();
  EXPECT_TRUE(fence(1).damaged.empty());
  again.issue.set_generation(3);
  again.issue.set_deployment_id("d1-third");
  site_.order(again);
  EXPECT_TRUE(site_.receipts().back().accepted());
}

TEST_F(RowCareTest, ADamagedJobTakesItsPlaceUntilAPersonHasLooked) {
  site_.settings.parallel = 2;
  RottenRows rotten(site_.store);
  rotten.flip("job/d1", 11);
  restart(rotten);
  site_.order(make_order(site_, 3));
  EXPECT_EQ(site_.job("d3")->stage(), wire::QUEUED) << "d2 runs, and so may the installer of d1";
  settle("job/d1", std::nullopt);
  site_.start();
  EXPECT_NE(site_.job("d3")->stage(), wire::QUEUED);
}

TEST_F(RowCareTest, ALostPlaceAmongTheCommandsFollowsFromTheReceipts) {
  record::StreamReceiver was;
  ASSERT_TRUE(was.ParseFromString(*site_.store.find(agent::rows::commands)));
  ASSERT_GT(was.cursor(), 0U);
  RottenRows rotten(site_.store);
  rotten.flip(agent::rows::commands, 5);
  care(rotten);
  record::StreamReceiver is;
  ASSERT_TRUE(is.ParseFromString(*site_.store.find(agent::rows::commands)));
  EXPECT_EQ(is.journal_id(), was.journal_id());
  EXPECT_EQ(is.cursor(), was.cursor());
  site_.start();
  site_.order(make_order(site_, 3));
  EXPECT_TRUE(site_.receipts().back().accepted());
}

TEST_F(RowCareTest, WhatSaysWhoThisAgentIsHoldsItUntilAPersonVouchesForIt) {
  for (const char* row : {agent::rows::site, agent::rows::link}) {
    RottenRows rotten(site_.store);
    rotten.flip(row, 3);
    restart(rotten);
    EXPECT_THAT(agent::load_row<record::LinkState>(site_.store, agent::rows::link).quarantine_reason(),
                HasSubstr(row));
    settle(row, std::nullopt);
    EXPECT_EQ(agent::load_row<record::LinkState>(site_.store, agent::rows::link).quarantine_reason(), "");
    site_.start();
  }
}

TEST_F(RowCareTest, ABlobIsFetchedAgain) {
  site_.store.commit(
      {{agent::rows::blob + make_order(site_, 2).agreed.install().profile().sha256(), "some content"}});
  RottenRows rotten(site_.store);
  rotten.flip(key_of("blob/"), 2);
  restart(rotten);
  ASSERT_EQ(told().size(), 1U);
  EXPECT_EQ(told()[0].next(), "");
}

}  // namespace
}  // namespace metalmesh::test
