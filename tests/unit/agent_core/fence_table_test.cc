#include "agents/core/fence_table.h"

#include <gtest/gtest.h>

#include "common/ports/memory_rows.h"
#include "tests/unit/agent_core/stand_ins.h"

namespace metalmesh::agent {
namespace {

wire::Identity machine(const std::string& uuid, const std::string& serial, const std::string& mac = {}) {
  wire::Identity identity;
  identity.set_uuid(uuid);
  identity.set_serial(serial);
  if (!mac.empty()) identity.add_macs(mac);
  return identity;
}

const std::string uuid_a = "4c4c4544-0042-3510-8051-b4c04f4a4d32";
const std::string uuid_b = "4c4c4544-0042-3510-8051-b4c04f4a4d33";

class Fences : public ::testing::Test {
 protected:
  void commit(Outcome& out) { store_.commit(out.rows); }
  MemoryRows store_;
};

TEST_F(Fences, RefuseWhatIsNotAboveEverythingSeen) {
  FenceTable fences(store_);
  Outcome out;
  const wire::Identity a = machine(uuid_a, "SERIAL-A");
  EXPECT_FALSE(fences.refuse(a, 1));
  fences.see(a, 5, "d5", out);
  EXPECT_TRUE(fences.refuse(a, 4));
  EXPECT_EQ(fences.refuse(a, 5)->code(), wire::GENERATION_FENCED);
  EXPECT_FALSE(fences.refuse(a, 6));
  fences.cancel(a, 9, out);
  EXPECT_TRUE(fences.refuse(a, 9));
  EXPECT_FALSE(fences.refuse(a, 10));
}

TEST_F(Fences, AReplayedOldCancelLowersNothing) {
  const wire::Identity a = machine(uuid_a, "SERIAL-A");
  {
    FenceTable fences(store_);
    Outcome out;
    fences.see(a, 2, "d2", out);
    fences.cancel(a, 2, out);
    fences.cancel(a, 1, out);
    commit(out);
  }
  FenceTable again(store_);
  EXPECT_EQ(again.of(a).cancelled_to, 2U);
  EXPECT_TRUE(again.refuse(a, 2));
  EXPECT_FALSE(again.holds(a, 2));
}

TEST_F(Fences, HoldsOnlyForTheNewestOrderThatWasNotCancelledOrLaunched) {
  FenceTable fences(store_);
  Outcome out;
  const wire::Identity a = machine(uuid_a, "SERIAL-A");
  fences.see(a, 3, "d3", out);
  EXPECT_TRUE(fences.holds(a, 3));
  EXPECT_FALSE(fences.holds(a, 2));
  fences.launch(a, 3, out);
  EXPECT_FALSE(fences.holds(a, 3));
  fences.see(a, 4, "d4", out);
  EXPECT_TRUE(fences.holds(a, 4));
  fences.cancel(a, 4, out);
  EXPECT_FALSE(fences.holds(a, 4));
}

TEST_F(Fences, AMachineIsRecognisedByAnyOfItsNames) {
  FenceTable fences(store_);
  Outcome out;
  fences.see(machine(uuid_a, "SERIAL-A", "b4:7a:f1:00:00:01"), 7, "d7", out);
  EXPECT_EQ(fences.of(machine(uuid_b, "SERIAL-A")).generation, 7U) << "same chassis, new board";
  EXPECT_EQ(fences.of(machine("", "SERIAL-B", "B4-7A-F1-00-00-01")).generation, 7U) << "same card";
  EXPECT_EQ(fences.of(machine(uuid_b, "SERIAL-B")).generation, 0U);
}

TEST_F(Fences, NumbersAndNamesOutliveTheProcess) {
  const wire::Identity with_old_mac = machine(uuid_a, "SERIAL-A", "b4:7a:f1:00:00:01");
  {
    FenceTable fences(store_);
    Outcome out;
    fences.see(with_old_mac, 7, "d7", out);
    fences.launch(machine(uuid_a, "SERIAL-A", "b4:7a:f1:00:00:02"), 7, out);
    commit(out);
  }
  FenceTable again(store_);
  EXPECT_EQ(again.of(machine("", "", "b4:7a:f1:00:00:01")).launched, 7U);
  EXPECT_EQ(again.of(machine("", "", "b4:7a:f1:00:00:02")).launched, 7U);
}

TEST_F(Fences, ReportInPieces) {
  FenceTable fences(store_);
  Outcome out;
  EXPECT_EQ(fences.report("r", 2).size(), 1U) << "an empty report is an answer too";
  for (int i = 0; i < 5; ++i) fences.see(machine("", "SERIAL-" + std::to_string(i)), 1, "d", out);
  const auto reports = fences.report("r", 2);
  ASSERT_EQ(reports.size(), 3U);
  EXPECT_EQ(reports[2].fences_size(), 1);
  EXPECT_EQ(reports[0].request_id(), "r");
}

}  // namespace
}  // namespace metalmesh::agent
